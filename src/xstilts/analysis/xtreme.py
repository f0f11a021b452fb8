"""XTREME's averages: tasks over their languages, groups and the overall score over tasks.

A task's score is the mean over its languages; for question answering the mean of the average
exact match and the average F1. The overall score is the unweighted mean of the nine tasks,
not of the four groups. English is among the languages of every task that has it; all averages
come without it as well.

Source: evaluate.py of github.com/google-research/xtreme (Hu et al. 2020, arXiv 2003.11080).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace

import numpy as np
import pandas as pd

from xstilts.tasks.xtreme import bucc, mlqa, pan_x, paws_x, tatoeba, tydiqa, udpos, xnli, xquad

ENGLISH = "en"
GROUPS = {
    "classification": ("xnli", "paws-x"),
    "tagging": ("udpos", "pan-x"),
    "qa": ("xquad", "mlqa", "tydiqa"),
    "retrieval": ("bucc", "tatoeba"),
}
OVERALL = "xtreme"
OFFICIAL = {
    "xnli": "accuracy",
    "paws-x": "accuracy",
    "udpos": "pos_f1",
    "pan-x": "span_f1",
    "xquad": "qa_mean",
    "mlqa": "mlqa_mean",
    "tydiqa": "qa_mean",
    "bucc": "mining_f1",
    "tatoeba": "tatoeba_accuracy",
}
"""The official metric of each task."""
LANGUAGES: Mapping[str, Sequence[str]] = {
    "xnli": xnli.LANGUAGES,
    "paws-x": paws_x.LANGUAGES,
    "udpos": udpos.LANGUAGES,
    "pan-x": pan_x.LANGUAGES,
    "xquad": xquad.LANGUAGES,
    "mlqa": mlqa.LANGUAGES,
    "tydiqa": tydiqa.LANGUAGES,
    "bucc": bucc.LANGUAGES,
    "tatoeba": tatoeba.LANGUAGES,
}
"""The languages of each task's test set."""


@dataclass(frozen=True)
class Average:
    """One average of one system; `value` between 0 and 1.

    Args:
        level: task, group or overall.
        name: the task, the group, or `xtreme`.
        english: whether English is counted.
        value: of a task, the mean over the languages that are there, NaN where none is; of a
            group and overall NaN unless all tasks are complete.
        n: how many languages or tasks are averaged.
        missing: what is not there: languages of a task, tasks of a group. A language whose run
            diverged is missing.
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


def xtreme_averages(
    frame: pd.DataFrame,
    metrics: Mapping[str, str] = OFFICIAL,
    languages: Mapping[str, Sequence[str]] = LANGUAGES,
) -> pd.DataFrame:
    """Averages per encoder, intermediate setting, split and seed; see `Average` for the columns.

    Args:
        frame: results as `xstilts.results` gives them; other targets are ignored.
        metrics: task → metric. Where there is one split only, name another for `bucc`.
        languages: task → the languages that make it complete; give those of dev for dev.
    """
    rows = [
        asdict(average)
        for system, scores in _systems(frame, metrics)
        for english in (True, False)
        for average in _averages(replace(system, english=english), scores, languages)
    ]
    return pd.DataFrame(rows, columns=[column.name for column in fields(Average)])


Scores = Mapping[str, Mapping[str, float]]
"""Task → language → score."""


def _systems(frame: pd.DataFrame, metrics: Mapping[str, str]) -> Iterator[tuple[Average, Scores]]:
    """Each system that has a task of XTREME, in the frame's order, with its scores."""
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
    blank: Average, scores: Scores, languages: Mapping[str, Sequence[str]]
) -> Iterator[Average]:
    tasks = {
        task: _task(replace(blank, level="task", name=task), scores.get(task, {}), languages[task])
        for group in GROUPS.values()
        for task in group
    }
    yield from tasks.values()
    for name, members in GROUPS.items():
        group = replace(blank, level="group", name=name)
        yield _over_tasks(group, [tasks[task] for task in members])
    yield _over_tasks(replace(blank, level="overall", name=OVERALL), list(tasks.values()))


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
