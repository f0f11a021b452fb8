"""The tables of a report as text, each with what a reader must know of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pandas as pd

from xstilts.analysis.run_states import RunState, has_state, states_text
from xstilts.analysis.selection import BEST, SelectedBy, chosen_results
from xstilts.analysis.xtreme import GROUPS, OFFICIAL, OVERALL, xtreme_averages
from xstilts.reports.tables import NOTHING, points

INCOMPLETE, ON_TEST, SEEN = "†", "‡", "§"
CHOSEN_BY = {
    SelectedBy.DEV: "dev",
    SelectedBy.BUCC: "bucc's dev",
    SelectedBy.TEST: "chosen on test",
}
BEST_LEGEND = (
    "Each target after the setting with the best score on English dev, or as the table says; "
    "points of 100, means over languages and seeds. Chosen on test: there is no dev set apart "
    "from what is evaluated, so the choice flatters the setting."
)
XTREME_LEGEND = (
    "Points of 100: means over languages, English among them, and over seeds; question answering "
    "counts the mean of exact match and F1."
)
SHOWN = 8
"""Missing languages of one task that are named."""


@dataclass(frozen=True)
class Section:
    """A table of texts with a title and sentences that belong below it."""

    name: str
    title: str
    table: pd.DataFrame
    notes: tuple[str, ...]


def best_section(best: pd.DataFrame) -> Section | None:
    """Each target's best setting and what it was chosen by; none if nothing is chosen.

    Args:
        best: see `analysis.best.best_per_target`.
    """
    if best.empty:
        return None
    foreign = best[~best["english"]].set_index("target")["gain"]
    rows = [
        {
            "target": row["target"],
            "best intermediate": row["intermediate"],
            "chosen by": CHOSEN_BY[row["how"]],
            "metric": row["metric"],
            "on dev": points(row["dev"]),
            "baseline": points(row["baseline"]),
            "score": points(row["score"]),
            "gain": points(row["gain"], signed=True),
            "gain without English": points(foreign[row["target"]], signed=True),
            "note": states_text(row["states"]),
        }
        for _, row in best[best["english"]].iterrows()
    ]
    return Section(
        "best", "Best intermediate setting per target", pd.DataFrame(rows), (BEST_LEGEND,)
    )


def xtreme_section(
    frame: pd.DataFrame, best: pd.DataFrame, targets: Sequence[str], stand_ins: str = ""
) -> Section | None:
    """Settings, and the best per target, by XTREME's targets, groups and the average.

    Args:
        frame: results as `xstilts.results` gives them, of one encoder.
        targets: those of the experiment; none of XTREME's, or no score: no table.
        stand_ins: see `reports.evaluated.nonstandard_splits_note`.
    """
    tasks = [task for task in OFFICIAL if task in targets]
    known = frame[frame["target"].isin(tasks)]
    both = pd.concat([known, chosen_results(known, best)]).assign(split="")
    averages = xtreme_averages(both)
    averages = averages[averages["english"]]
    if averages.empty:
        return None
    groups = [name for name, members in GROUPS.items() if set(members) <= set(tasks)]
    peeked = _chosen_on_test(best)
    told = both[has_state(both, RunState.SAME_DATA)]
    seen = set(zip(told["intermediate"], told["target"], strict=True))
    rows: list[dict[str, str]] = []
    for setting, here in averages.groupby("intermediate", sort=False):
        marked = peeked if setting == BEST else frozenset[str]()
        cells = {
            name: _cell(here, name, marked) + (SEEN if (setting, name) in seen else "")
            for name in (*tasks, *groups, OVERALL)
        }
        rows.append({"intermediate": str(setting), **cells})
    notes = [XTREME_LEGEND, *_missing(averages, tasks), _withheld(averages, tasks)]
    if any(ON_TEST in text for text in rows[-1].values()):
        notes.append(f"{ON_TEST} Chosen on test, or an average that counts such a score.")
    if seen:
        notes.append(f"{SEEN} The setting holds the target's own training data.")
    table = pd.DataFrame(rows).rename(columns={OVERALL: "XTREME"})
    return Section("xtreme", "XTREME", table, tuple(filter(None, (*notes, stand_ins))))


def _cell(averages: pd.DataFrame, name: str, marked: frozenset[str]) -> str:
    """One setting's mean over seeds: of a task over what is there, of more only if it is whole."""
    here = averages[averages["name"] == name]
    is_task = here["level"].iloc[0] == "task"
    text = points(float(here["value"].mean(skipna=is_task)))
    if text == NOTHING:
        return text
    incomplete = INCOMPLETE if not here["complete"].all() else ""
    return text + incomplete + (ON_TEST if name in marked else "")


def _chosen_on_test(best: pd.DataFrame) -> frozenset[str]:
    """The tasks whose best setting was chosen on test, and the averages that count one."""
    tasks = set(best.loc[best["how"] == SelectedBy.TEST, "target"])
    groups = {name for name, members in GROUPS.items() if tasks & set(members)}
    return frozenset({*tasks, *groups, *([OVERALL] if tasks & OFFICIAL.keys() else [])})


def _missing(averages: pd.DataFrame, tasks: Sequence[str]) -> Iterator[str]:
    """What the incomplete tasks lack, in all rows or in some."""
    said = []
    for task in tasks:
        lacks = averages.loc[averages["name"] == task, "missing"]
        codes = list(dict.fromkeys(code for text in lacks for code in text.split()))
        if codes:
            rest = len(codes) - SHOWN
            shown = " ".join(codes[:SHOWN]) + (f" and {rest} more" if rest > 0 else "")
            said.append(f"{task} ({shown}{'' if lacks.nunique() == 1 else '; not in every row'})")
    if said:
        yield f"{INCOMPLETE} Mean over the languages that are there; missing: {'; '.join(said)}."


def _withheld(averages: pd.DataFrame, tasks: Sequence[str]) -> str:
    """Why there is no overall score; empty if every row has one."""
    overall = averages[averages["level"] == "overall"]
    if overall["complete"].all():
        return ""
    missing = {task for text in overall["missing"] for task in text.split()}
    absent = [task for task in OFFICIAL if task not in tasks]
    partly = [task for task in tasks if task in missing]
    reasons = [f"not in the experiment: {' '.join(absent)}"] if absent else []
    reasons += [f"incomplete: {' '.join(partly)}"] if partly else []
    why = "; ".join(reasons)
    return f"XTREME's average is withheld without all nine tasks and their languages; {why}."
