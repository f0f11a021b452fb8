"""Averages of a benchmark: tasks over their languages, groups and the overall score over tasks.

A task's score is the mean over its languages in the benchmark's table; for question answering the
mean of the average exact match and the average F1. The overall score is the unweighted mean of the
tasks, not of the groups. English is among the languages of every task that has it; all averages
come without it as well.

Source: evaluate.py of github.com/google-research/xtreme (Hu et al. 2020, arXiv 2003.11080; Ruder et
al. 2021, arXiv 2104.07412). For XTREME-R it cannot score LAReQA, so that its overall score is never
computed and its group `retrieval` is Tatoeba and Mewsli-X alone (here `retrieval-without-lareqa`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace

import numpy as np
import pandas as pd

from xstilts.tasks.benchmarks import XTREME, Benchmark

ENGLISH = "en"


@dataclass(frozen=True)
class Average:
    """One average of one system; `value` between 0 and 1.

    Args:
        level: task, group or overall.
        name: the task, the group, or the benchmark.
        english: whether English is counted.
        value: of a task, the mean over the languages that are there, NaN where none is; of a
            group and overall NaN unless all tasks are complete.
        n: how many languages or tasks are averaged.
        missing: what is not there: languages of a task, tasks of a group. A language whose run
            diverged is missing; one whose run collapsed counts with its score, as it does in
            evaluate.py.
        complete: whether nothing is missing.
    """

    encoder: str
    intermediate: str
    split: str
    seed: int
    level: str = ""
    name: str = ""
    english: bool = True
    value: float = float("nan")
    n: int = 0
    missing: str = ""
    complete: bool = False


def benchmark_averages(
    frame: pd.DataFrame,
    benchmark: Benchmark = XTREME,
    *,
    metrics: Mapping[str, str] | None = None,
    languages: Mapping[str, Sequence[str]] | None = None,
) -> pd.DataFrame:
    """Averages per encoder, intermediate setting, split and seed; see `Average` for the columns.

    Args:
        frame: results as `xstilts.results` gives them; other targets and languages are ignored.
        metrics: task → metric, in place of the official ones. Where there is one split only, name
            another for `bucc`.
        languages: task → the languages that make it complete, in place of the benchmark's; give
            those of dev for dev.
    """
    wanted = {**benchmark.languages, **(languages or {})}
    rows = [
        asdict(average)
        for system, scores in _systems(frame, {**benchmark.metrics, **(metrics or {})})
        for english in (True, False)
        for average in _averages(replace(system, english=english), scores, benchmark, wanted)
    ]
    return pd.DataFrame(rows, columns=[column.name for column in fields(Average)])


Scores = Mapping[str, Mapping[str, float]]
"""Task → language → score."""


def _systems(frame: pd.DataFrame, metrics: Mapping[str, str]) -> Iterator[tuple[Average, Scores]]:
    """Each system that has a task of the benchmark, in the frame's order, with its scores."""
    keys = ["encoder", "intermediate", "split", "seed", "target", "language", "metric", "value"]
    systems: dict[tuple[str, str, str, int], dict[str, dict[str, float]]] = {}
    for *system, task, code, metric, value in frame[keys].itertuples(index=False):
        if metric == metrics.get(task):
            encoder, intermediate, split, seed = system
            scores = systems.setdefault((encoder, intermediate, split, int(seed)), {})
            if not np.isnan(value):
                scores.setdefault(task, {})[code] = float(value)
    return ((Average(*system), scores) for system, scores in systems.items())


def _averages(
    blank: Average,
    scores: Scores,
    benchmark: Benchmark,
    languages: Mapping[str, Sequence[str]],
) -> Iterator[Average]:
    tasks = {
        task: _task(replace(blank, level="task", name=task), scores.get(task, {}), languages[task])
        for task in benchmark.tasks
    }
    yield from tasks.values()
    for name, members in benchmark.all_groups.items():
        group = replace(blank, level="group", name=name)
        yield _over_tasks(group, [tasks[task] for task in members])
    yield _over_tasks(replace(blank, level="overall", name=benchmark.name), list(tasks.values()))


def _task(blank: Average, scores: Mapping[str, float], languages: Sequence[str]) -> Average:
    wanted = [code for code in languages if blank.english or code != ENGLISH]
    there = [scores[code] for code in wanted if code in scores]
    missing = [code for code in wanted if code not in scores]
    return replace(
        blank,
        value=sum(there) / len(there) if there else float("nan"),
        n=len(there),
        missing=" ".join(missing),
        complete=bool(there) and not missing,
    )


def _over_tasks(blank: Average, tasks: Sequence[Average]) -> Average:
    missing = [task.name for task in tasks if not task.complete]
    total = sum(task.value for task in tasks)
    return replace(
        blank,
        value=float("nan") if missing else total / len(tasks),
        n=len(tasks) - len(missing),
        missing=" ".join(missing),
        complete=not missing,
    )
