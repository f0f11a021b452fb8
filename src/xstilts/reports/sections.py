"""The tables of a report, each with its title and notes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from xstilts.analysis.data_notes import DataNote, counts_text
from xstilts.analysis.selection import SelectedBy, SelectedSetting
from xstilts.reports.tables import NOTHING, points, run_note, without_empty_note

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
DATA_LEGEND = (
    "Rows used are those that a slice and a limit leave. Problems are counted in all rows of the "
    "split, before slice and limit; those of images, of shuffled labels and of inputs that "
    "training has only in rows that are used. Rows without a label are predicted and not scored; "
    "words and answers without a sub-word are not trained on, and answers that fit in no window "
    "as none; texts without a translation stay as they are."
)


@dataclass(frozen=True)
class Section:
    """A table of texts with a title and notes.

    Args:
        wraps: whether its cells are long texts that wrap; LaTeX leaves such a table out.
    """

    name: str
    title: str
    table: pd.DataFrame
    notes: tuple[str, ...]
    wraps: bool = False


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
            "note": run_note(one.states, one.mixed_runs),
        }
        for one in selected
        if one.english
    ]
    title = "Best intermediate setting per target" + (f": {encoder}" if encoder else "")
    mixed = dict.fromkeys(f"{one.mixed_runs}." for one in selected if one.mixed_runs)
    table = without_empty_note(pd.DataFrame(rows))
    return Section("best", title, table, (BEST_LEGEND, *mixed))


def data_section(notes: Sequence[DataNote]) -> Section | None:
    """Rows that were left out, or kept in spite of a problem; None without any."""
    rows = [
        {
            "data": note.name,
            "rows used": NOTHING if note.rows is None else f"{note.rows:,}",
            "left out of the split": counts_text(note.left_out),
            "kept in the split": f"{counts_text(note.kept)}{note.named}",
            "not read": counts_text(note.unread) or note.problem,
        }
        for note in notes
    ]
    return (
        Section("data", "Notes on the data", pd.DataFrame(rows), (DATA_LEGEND,)) if rows else None
    )
