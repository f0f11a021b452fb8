"""The tables of a report, each with its title and notes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import pandas as pd

from xstilts.analysis.data_notes import DataNote, counts_text
from xstilts.analysis.run_states import RunState, has_state, states_text
from xstilts.analysis.selection import BEST, SelectedBy, SelectedSetting, chosen_results
from xstilts.analysis.xtreme import GROUPS, OFFICIAL, OVERALL, xtreme_averages
from xstilts.reports.tables import NOTHING, points

INCOMPLETE, ON_TEST, SEEN = "†", "‡", "§"
SELECTED_ON = {
    SelectedBy.DEV: "dev",
    SelectedBy.BUCC: "bucc's dev",
    SelectedBy.TEST: "test",
}
BEST_LEGEND = (
    "The setting with the best dev score of each target, unless noted otherwise. "
    "Points (0–100), means over languages and seeds. Selected on test: no separate dev set "
    "exists, so the score of the selected setting is optimistic."
)
XTREME_LEGEND = (
    "Points (0–100), means over languages including English and over seeds; for question "
    "answering, the mean of exact match and F1."
)
DATA_LEGEND = (
    "Numbers of rows by problem. Rows without a label are predicted and not scored; words and "
    "answers without a sub-word are not trained on; texts without a translation stay as they are."
)
SHOWN = 8
"""Missing languages listed per task; the rest are counted."""


@dataclass(frozen=True)
class Section:
    """A table of texts with a title and notes."""

    name: str
    title: str
    table: pd.DataFrame
    notes: tuple[str, ...]


def best_section(selected: Sequence[SelectedSetting], encoder: str = "") -> Section | None:
    """The best setting of each target and the split it was selected on; None without any.

    Args:
        selected: of one encoder.
        encoder: its name for the title, if there are several.
    """
    if not selected:
        return None
    foreign = {one.target: one.gain for one in selected if not one.english}
    rows = [
        {
            "target": one.target,
            "intermediate": one.intermediate,
            "selected on": SELECTED_ON[one.selected_by],
            "metric": one.metric,
            "dev score": points(one.dev),
            "baseline": points(one.baseline),
            "score": points(one.score),
            "gain": points(one.gain, signed=True),
            "gain without English": points(foreign[one.target], signed=True),
            "note": states_text(one.states),
        }
        for one in selected
        if one.english
    ]
    title = "Best intermediate setting per target" + (f": {encoder}" if encoder else "")
    return Section("best", title, pd.DataFrame(rows), (BEST_LEGEND,))


def data_section(notes: Sequence[DataNote]) -> Section | None:
    """Rows that were left out, or kept in spite of a problem; None without any."""
    rows = [
        {
            "data": note.name,
            "rows": NOTHING if note.rows is None else f"{note.rows:,}",
            "left out": counts_text(note.left_out),
            "kept": counts_text(note.kept),
            "not read": counts_text(note.unread),
        }
        for note in notes
    ]
    return (
        Section("data", "Notes on the data", pd.DataFrame(rows), (DATA_LEGEND,)) if rows else None
    )


def xtreme_section(
    frame: pd.DataFrame,
    selected: Sequence[SelectedSetting],
    targets: Sequence[str],
    nonstandard_splits: str = "",
    encoder: str = "",
) -> Section | None:
    """Scores of every setting, and of the best per target, on XTREME's tasks, groups and average.

    Args:
        frame: results of one encoder, see `xstilts.results`.
        targets: of the experiment; None is returned without XTREME tasks or scores.
        nonstandard_splits: see `reports.eval_splits.nonstandard_splits_note`.
        encoder: its name for the title, if there are several.
    """
    tasks = [task for task in OFFICIAL if task in targets]
    known = frame[frame["target"].isin(tasks)]
    both = pd.concat([known, chosen_results(known, selected)]).assign(split="")
    averages = xtreme_averages(both)
    averages = averages[averages["english"]]
    if averages.empty:
        return None
    groups = [name for name, members in GROUPS.items() if set(members) <= set(tasks)]
    on_test = _chosen_on_test(selected)
    same_data = both[has_state(both, RunState.SAME_DATA)]
    seen = set(zip(same_data["intermediate"], same_data["target"], strict=True))
    rows: list[dict[str, str]] = []
    for setting, here in averages.groupby("intermediate", sort=False):
        marked = on_test if setting == BEST else frozenset[str]()
        cells = {
            name: _cell(here, name, marked) + (SEEN if (setting, name) in seen else "")
            for name in (*tasks, *groups, OVERALL)
        }
        rows.append({"intermediate": str(setting), **cells})
    notes = [XTREME_LEGEND, *_missing(averages, tasks), _no_average(averages, tasks)]
    if any(ON_TEST in text for text in rows[-1].values()):
        notes.append(
            f"{ON_TEST} Setting selected on test, or an average that includes such a score."
        )
    if seen:
        notes.append(f"{SEEN} The setting includes the target's own training data.")
    table = pd.DataFrame(rows).rename(columns={OVERALL: "XTREME"})
    title = f"XTREME: {encoder}" if encoder else "XTREME"
    return Section("xtreme", title, table, tuple(filter(None, (*notes, nonstandard_splits))))


def _cell(averages: pd.DataFrame, name: str, marked: frozenset[str]) -> str:
    """One setting's mean over seeds; averages of several tasks only if they are complete."""
    here = averages[averages["name"] == name]
    is_task = here["level"].iloc[0] == "task"
    text = points(float(here["value"].mean(skipna=is_task)))
    if text == NOTHING:
        return text
    incomplete = INCOMPLETE if not here["complete"].all() else ""
    return text + incomplete + (ON_TEST if name in marked else "")


def _chosen_on_test(selected: Iterable[SelectedSetting]) -> frozenset[str]:
    """Tasks whose setting was selected on test, and the averages that include one."""
    tasks = {one.target for one in selected if one.selected_by == SelectedBy.TEST}
    groups = {name for name, members in GROUPS.items() if tasks & set(members)}
    return frozenset({*tasks, *groups, *([OVERALL] if tasks & OFFICIAL.keys() else [])})


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


def _no_average(averages: pd.DataFrame, tasks: Sequence[str]) -> str:
    """Why the overall score is missing; empty if every row has one."""
    overall = averages[averages["level"] == "overall"]
    if overall["complete"].all():
        return ""
    missing = {task for text in overall["missing"] for task in text.split()}
    absent = [task for task in OFFICIAL if task not in tasks]
    partly = [task for task in tasks if task in missing]
    reasons = [f"not in the experiment: {' '.join(absent)}"] if absent else []
    reasons += [f"incomplete: {' '.join(partly)}"] if partly else []
    why = "; ".join(reasons)
    return f"XTREME's average needs all nine tasks in all their languages; {why}."
