"""Tables of benchmarks: settings by tasks, groups and the overall average."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import pandas as pd

from xstilts.analysis.benchmark_averages import benchmark_averages
from xstilts.analysis.mixed_runs import BEST
from xstilts.analysis.run_states import RunState, has_state
from xstilts.analysis.selection import SelectedBy, SelectedSetting, chosen_results
from xstilts.planning.compile import CompiledPlan
from xstilts.reports.eval_splits import nonstandard_splits_note
from xstilts.reports.official_protocols import protocol_notes
from xstilts.reports.sections import Section
from xstilts.reports.tables import NOTHING, points
from xstilts.tasks.benchmarks import XTREME, XTREME_R, Benchmark

INCOMPLETE, ON_TEST, SEEN, COLLAPSED = "†", "‡", "§", "¶"
LEGEND = (
    "Points (0–100), means over languages including English and over seeds; for question "
    "answering, the mean of exact match and F1."
)
OF_EVALUATOR = {
    XTREME_R.name: "XTREME-R's evaluate.py has no score of LAReQA: it never computes an average of "
    "all tasks, and its retrieval average is that of Tatoeba and Mewsli-X. Here the average is the "
    "unweighted mean of the ten tasks.",
}
"""Benchmark → in what its code differs."""
NUMBERS = {9: "nine", 10: "ten"}
SHOWN = 8
"""Missing languages listed per task; the rest are counted."""


def benchmark_sections(
    frame: pd.DataFrame,
    selected: Sequence[SelectedSetting],
    targets: Sequence[str],
    compiled: CompiledPlan,
    encoder: str = "",
) -> list[Section]:
    """The tables of the benchmarks that the experiment belongs to, see `benchmark_section`."""
    splits = nonstandard_splits_note(compiled)
    sections = (
        benchmark_section(
            benchmark,
            frame,
            selected,
            targets,
            (*protocol_notes(compiled, benchmark), splits),
            encoder,
        )
        for benchmark in shown_benchmarks(frame, targets)
    )
    return [section for section in sections if section]


def shown_benchmarks(frame: pd.DataFrame, targets: Sequence[str]) -> list[Benchmark]:
    """The benchmarks that the targets belong to.

    XTREME-R has most tasks of XTREME. It is shown if a target or a language is only in XTREME-R;
    XTREME is then shown if a target is only in XTREME.
    """
    ours = {target for target in targets if target in {*XTREME.tasks, *XTREME_R.tasks}}
    codes = zip(frame["target"], frame["language"], strict=True)
    is_r = bool(ours - set(XTREME.tasks)) or any(
        code not in XTREME.languages[task] and code in XTREME_R.languages.get(task, ())
        for task, code in set(codes)
        if task in ours and task in XTREME.tasks
    )
    is_xtreme = bool(ours - set(XTREME_R.tasks)) if is_r else bool(ours)
    return [one for one, shown in ((XTREME, is_xtreme), (XTREME_R, is_r)) if shown]


def benchmark_section(
    benchmark: Benchmark,
    frame: pd.DataFrame,
    selected: Sequence[SelectedSetting],
    targets: Sequence[str],
    notes: Sequence[str] = (),
    encoder: str = "",
) -> Section | None:
    """Scores of every setting, and of the best per target, on tasks, groups and the average.

    Args:
        frame: results of one encoder, see `xstilts.results`.
        targets: of the experiment; None is returned without tasks of the benchmark or scores.
        notes: further notes below the table.
        encoder: its name for the title, if there are several.
    """
    tasks = [task for task in benchmark.tasks if task in targets]
    known = frame[frame["target"].isin(tasks)]
    both = pd.concat([known, chosen_results(known, selected)]).assign(split="")
    averages = benchmark_averages(both, benchmark)
    averages = averages[averages["english"]]
    if averages.empty:
        return None
    groups = [name for name, members in benchmark.all_groups.items() if {*members} <= {*tasks}]
    on_test = _chosen_on_test(benchmark, selected)
    seen = _with_state(both, RunState.SAME_DATA)
    collapsed = _with_averages(benchmark, _with_state(both, RunState.COLLAPSED))
    diverged = _with_state(both, RunState.DIVERGED)
    rows: list[dict[str, str]] = []
    for setting, here in averages.groupby("intermediate", sort=False):
        marked = on_test if setting == BEST else frozenset[str]()
        cells = {}
        for name in (*tasks, *groups, benchmark.name):
            text = NOTHING if (setting, name) in diverged else _cell(here, name, marked)
            if (setting, name) in collapsed and text != NOTHING:
                text += COLLAPSED
            cells[name] = text + (SEEN if (setting, name) in seen else "")
        rows.append({"intermediate": str(setting), **cells})
    names = pd.MultiIndex.from_frame(averages[["intermediate", "name"]])
    below = [
        LEGEND,
        *_missing(averages[~names.isin(diverged)], tasks),
        _no_average(benchmark, averages, tasks),
    ]
    if any(ON_TEST in text for text in rows[-1].values()):
        below.append(
            f"{ON_TEST} Setting selected on test, or an average that includes such a score."
        )
    if seen:
        below.append(f"{SEEN} The setting includes the target's own training data.")
    if any(COLLAPSED in text for row in rows for text in row.values()):
        below.append(
            f"{COLLAPSED} A run collapsed (it predicts one class for all of English dev); its "
            "score is in the mean."
        )
    if failed := ", ".join(f"{target} after {setting}" for setting, target in sorted(diverged)):
        below.append(f"No score, as a run diverged: {failed}.")
    below += [OF_EVALUATOR.get(benchmark.name, ""), *notes]
    table = pd.DataFrame(rows).rename(columns={benchmark.name: benchmark.title})
    title = f"{benchmark.title}: {encoder}" if encoder else benchmark.title
    return Section(benchmark.name, title, table, tuple(filter(None, below)))


Scored = frozenset[tuple[str, str]]
"""Settings, each with a task or an average."""


def _with_state(frame: pd.DataFrame, state: RunState) -> Scored:
    """The settings and tasks of which a run has a state."""
    rows = frame[has_state(frame, state)]
    return frozenset(zip(rows["intermediate"], rows["target"], strict=True))


def _with_averages(benchmark: Benchmark, tasks: Scored) -> Scored:
    """These, and the averages that include one of them."""
    groups = {
        (setting, name)
        for setting, task in tasks
        for name, members in benchmark.all_groups.items()
        if task in members
    }
    return tasks | groups | {(setting, benchmark.name) for setting, _ in tasks}


def _cell(averages: pd.DataFrame, name: str, marked: frozenset[str]) -> str:
    """One setting's mean over seeds; averages of several tasks only if they are complete."""
    here = averages[averages["name"] == name]
    is_task = here["level"].iloc[0] == "task"
    text = points(float(here["value"].mean(skipna=is_task)))
    if text == NOTHING:
        return text
    incomplete = INCOMPLETE if not here["complete"].all() else ""
    return text + incomplete + (ON_TEST if name in marked else "")


def _chosen_on_test(benchmark: Benchmark, selected: Iterable[SelectedSetting]) -> frozenset[str]:
    """Tasks whose setting was selected on test, and the averages that include one."""
    tasks = {one.target for one in selected if one.selected_by == SelectedBy.TEST}
    groups = {name for name, members in benchmark.all_groups.items() if tasks & set(members)}
    overall = {benchmark.name} if tasks & set(benchmark.tasks) else set[str]()
    return frozenset(tasks | groups | overall)


def _missing(averages: pd.DataFrame, tasks: Sequence[str]) -> Iterator[str]:
    """The missing languages of incomplete tasks, in all rows or in some."""
    missing = []
    for task in tasks:
        lacks = averages.loc[averages["name"] == task, "missing"]
        codes = list(dict.fromkeys(code for text in lacks for code in text.split()))
        if codes:
            rest = len(codes) - SHOWN
            shown = " ".join(codes[:SHOWN]) + (f" and {rest} more" if rest > 0 else "")
            missing.append(f"{task} ({shown}{'' if lacks.nunique() == 1 else '; in some rows'})")
    if missing:
        yield f"{INCOMPLETE} Mean over the available languages; missing: {'; '.join(missing)}."


def _no_average(benchmark: Benchmark, averages: pd.DataFrame, tasks: Sequence[str]) -> str:
    """Why the overall score is missing; empty if every row has one."""
    overall = averages[averages["level"] == "overall"]
    if overall["complete"].all():
        return ""
    missing = {task for text in overall["missing"] for task in text.split()}
    absent = [task for task in benchmark.tasks if task not in tasks]
    partly = [task for task in tasks if task in missing]
    reasons = [f"not in the experiment: {' '.join(absent)}"] if absent else []
    reasons += [f"incomplete: {' '.join(partly)}"] if partly else []
    why = "; ".join(reasons)
    count = NUMBERS[len(benchmark.tasks)]
    return f"{benchmark.title}'s average needs all {count} tasks in all their languages; {why}."
