"""Tables of gains and scores for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xstilts.analysis.run_states import all_states, states_text
from xstilts.cli.output.tables import FoldingTable, framed, name, number, text
from xstilts.core.counted import counted
from xstilts.reports.answer_box import is_significant
from xstilts.reports.tables import (
    MEANING,
    SCORE_LEGEND,
    TERMS,
    english_legend,
    evaluation_legend,
    points,
    readable,
)

if TYPE_CHECKING:
    import pandas as pd

GAIN, LOSS, UNDECIDED = "bold green", "bold red", "dim"
"""Styles of a significant gain, a significant loss, and all others."""
HIDDEN = ("metric", "p (Holm)", "languages", "seeds")
"""Columns that only files and reports have."""
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
    shown = readable(table).drop(columns=list(HIDDEN))
    if not shown["note"].any():
        shown = shown.drop(columns="note")
    main = [row for _, row in table[table["main"]].iterrows()]
    return framed(shown, COLUMNS, caption, cell_styles={"gain": list(map(style, main))})


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
    shown = readable(table)
    words = " ".join(" ".join(shown[column]) for column in ("95 %", "significant", "note"))
    terms = [text for term, text in TERMS.items() if term in words]
    rest = f"{english_legend(table)}{evaluation_legend(shown['target'])}"
    return f"{'. '.join((MEANING, *terms))}. Gains are over {baseline}.{rest}"


def score_table(results: pd.DataFrame) -> FoldingTable:
    """The mean score of each target, setting and metric."""
    import pandas as pd

    keys = ["target", "intermediate", "metric"]
    if results["encoder"].nunique() > 1:
        keys = ["encoder", *keys]
    groups = results.groupby(keys, sort=False)
    rows = [
        {
            **dict(zip(keys, key, strict=True)),
            "score": points(float(group["value"].mean(skipna=False))),
            "languages": str(group["language"].nunique()),
            "seeds": str(group["seed"].nunique()),
            "note": states_text(all_states(group["states"])),
        }
        for key, group in groups
    ]
    table = pd.DataFrame(rows)
    if not table["note"].any():
        table = table.drop(columns="note")
    table, equal = _without_equal_counts(table)
    legend = f"{SCORE_LEGEND}{equal}{evaluation_legend(results['target'])}"
    return framed(table, SCORE_COLUMNS, legend)


def _without_equal_counts(table: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """The table without numbers of languages and seeds that all rows share, and these in words."""
    equal = [column for column in ("languages", "seeds") if table[column].nunique() == 1]
    counts = [counted(int(table[column].iloc[0]), column.removesuffix("s")) for column in equal]
    words = f" {' and '.join(counts)} each." if counts else ""
    return table.drop(columns=equal), words
