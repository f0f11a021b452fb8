"""Gains and scores as frames that notebooks show as readable tables.

They are pandas frames in all other respects; what is computed from them is a plain frame.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from xstilts.api.html_table import BOLD, html_table, paragraph
from xstilts.reports.answer_box import is_significant
from xstilts.reports.tables import (
    SCORE_LEGEND,
    english_legend,
    evaluation_legend,
    gain_meaning,
    mean_scores,
    short_gains,
    without_empty_note,
)

GAIN, LOSS = f"{BOLD}; color: #2a8a43", f"{BOLD}; color: #d1242f"
SCORES = ["experiment", "encoder", "target", "intermediate", "metric"]
NEEDED = {*SCORES, "language", "seed", "value", "states"}
"""Columns of which the table of scores is made."""


class GainFrame(pd.DataFrame):
    """The gain table; a notebook shows the gains of the main metrics in points."""

    def _repr_html_(self) -> str | None:
        needed = {"main", "gain", "p_holm", "states", "mixed_runs"}
        if not needed <= set(self.columns) or not self["main"].any():
            return _pandas_html(self)
        return gains_html(pd.DataFrame(self))


class ResultFrame(pd.DataFrame):
    """All scores; a notebook shows the means over languages and seeds in points."""

    def _repr_html_(self) -> str | None:
        if not set(self.columns) >= NEEDED or self.empty:
            return _pandas_html(self)
        return results_html(pd.DataFrame(self))


def gains_html(table: pd.DataFrame) -> str:
    """A gain table as HTML; significant gains are bold, and coloured by sign."""
    shown = short_gains(table)
    rest = f"{english_legend(table)}{evaluation_legend(shown['target'])}"
    rest += " The column mixed_runs says how such runs differ." if any(table["mixed_runs"]) else ""
    column = list(shown.columns).index("gain")
    main = [row for _, row in table[table["main"]].iterrows()]
    styles = {
        (i, column): GAIN if row["gain"] > 0 else LOSS
        for i, row in enumerate(main)
        if is_significant(row)
    }
    rows = [list(map(str, row)) for row in shown.to_numpy()]
    return html_table(list(shown.columns), rows, styles) + paragraph(f"{gain_meaning(table)}{rest}")


def results_html(frame: pd.DataFrame) -> str:
    """The mean of each target, setting and metric as HTML."""
    keys = [key for key in SCORES if key not in SCORES[:2] or frame[key].nunique() > 1]
    means = without_empty_note(mean_scores(frame, keys))
    note = f"{SCORE_LEGEND} The frame has {len(frame):,} rows, one per language, seed and metric."
    return html_table(list(means.columns), means.to_numpy().tolist()) + paragraph(note)


def _pandas_html(frame: pd.DataFrame) -> str | None:
    html: Any = pd.DataFrame(frame)._repr_html_()  # type: ignore[operator]
    return None if html is None else str(html)
