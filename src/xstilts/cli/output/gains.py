"""Tables of gains and scores for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xstilts.cli.output.tables import FoldingTable, framed, name, number, text
from xstilts.core.counted import counted
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

if TYPE_CHECKING:
    import pandas as pd

GAIN, LOSS, UNDECIDED = "bold green", "bold red", "dim"
"""Styles of a significant gain, a significant loss, and all others."""
COLUMNS = {
    "target": name("target"),
    "intermediate": name("intermediate"),
    "gain": number("gain"),
    "95 %": number("95 %", 1),
    "significant": name("significant", 2),
    "score": number("score", 3),
    "note": text("note", 4),
    "baseline": number("baseline", 5),
    "English": number("English", 6),
}
SCORE_COLUMNS = {
    "target": name("target"),
    "intermediate": name("intermediate"),
    "score": number("score"),
    "metric": name("metric", 1),
    "encoder": name("encoder", 2),
    "note": text("note", 3),
    "seeds": number("seeds", 4),
    "languages": number("languages", 5),
}


def gain_table(table: pd.DataFrame, caption: str = "") -> FoldingTable:
    """The gains of one encoder; their colours say sign and significance, as the columns do."""
    main = [row for _, row in table[table["main"]].iterrows()]
    return framed(
        short_gains(table), COLUMNS, caption, cell_styles={"gain": list(map(style, main))}
    )


def style(row: pd.Series[Any]) -> str:
    """The style of a gain: coloured only if it is significant."""
    if not is_significant(row):
        return UNDECIDED
    return GAIN if row["gain"] > 0 else LOSS


def gain_legend(table: pd.DataFrame, baseline: str) -> str:
    """What the words of a gain table mean, of those that it has.

    Args:
        baseline: what gains are over, in words.
    """
    rest = f"{english_legend(table)}{evaluation_legend(table['target'])}"
    return f"{gain_meaning(table)} Gains are over {baseline}.{rest}"


def score_table(results: pd.DataFrame) -> FoldingTable:
    """The mean score of each target, setting and metric."""
    keys = ["target", "intermediate", "metric"]
    if results["encoder"].nunique() > 1:
        keys = ["encoder", *keys]
    table = without_empty_note(mean_scores(results, keys))
    table, equal = _without_equal_counts(table)
    legend = f"{SCORE_LEGEND}{equal}{evaluation_legend(results['target'])}"
    return framed(table, SCORE_COLUMNS, legend)


def _without_equal_counts(table: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """The table without numbers of languages and seeds that all rows share, and these in words."""
    equal = [column for column in ("languages", "seeds") if table[column].nunique() == 1]
    counts = [counted(int(table[column].iloc[0]), column.removesuffix("s")) for column in equal]
    words = f" {' and '.join(counts)} each." if counts else ""
    return table.drop(columns=equal), words
