"""Output of `xstilts data show`."""

from __future__ import annotations

from typing import Any

from rich.console import Console

from xstilts.api.data_summary import DataSummary, SplitSummary
from xstilts.cli.output.console import print_text
from xstilts.cli.output.tables import FoldingTable, name, number, show_table
from xstilts.core.counted import counted
from xstilts.core.printable import printable

COLUMNS = (
    name("split"),
    name("language"),
    number("rows"),
    number("words", 2),
    number("sub-words", 1),
    number("longest", 3),
    number("cut", 2),
    number("per word", 4),
    number("unknown"),
)
LABELS = 12
"""Labels shown per split and language; the rest are counted."""
TEXT = 300
"""Characters of a cell that are shown."""


def show_data_summary(out: Console, summary: DataSummary) -> None:
    """A row of numbers per split and language, then labels, notes and examples of each."""
    print_text(out, f"{summary.task} ({summary.format})", style="bold")
    readable = [split for split in summary.splits if split.rows]
    caption = (
        f"words, sub-words: median of an example, of {summary.encoder}; longest: of the longest "
        f"example; cut: share above max_length {summary.max_length}; unknown: share of the "
        "sub-words that the tokenizer does not know"
    )
    rows = [_cells(split) for split in summary.splits]
    styles = ["" if split.rows else "red" for split in summary.splits]
    show_table(out, FoldingTable(COLUMNS, rows, caption=caption, styles=styles))
    for split in summary.splits:
        if split.why:
            print_text(out, split.why, bullet=f"{split.split} {split.language}:")
    for split in readable:
        out.print()
        _details(out, split)


def _cells(split: SplitSummary) -> tuple[str, ...]:
    if not split.rows:
        return (split.split, split.language, "–", *[""] * (len(COLUMNS) - 3))
    return (
        split.split,
        split.language,
        f"{split.rows:,}",
        f"{split.words:g}",
        f"{split.subwords:g}",
        f"{split.longest:,}",
        f"{split.cut:.1%}",
        f"{split.per_word:.2f}",
        f"{split.unknown_rate:.2%}",
    )


def _details(out: Console, split: SplitSummary) -> None:
    print_text(out, f"{split.split} {split.language}", style="bold")
    if split.labels:
        listed = [f"{label or '(blank)'} {count:,}" for label, count in split.labels.items()]
        more = [f"… {counted(len(listed) - LABELS, 'more label')}"] if len(listed) > LABELS else []
        print_text(out, ", ".join([*listed[:LABELS], *more]), bullet="labels:")
    for title, kinds in (("left out:", split.left_out), ("noted:", split.noted)):
        if kinds:
            listed = [f"{kind} {count:,}" for kind, count in kinds.items()]
            print_text(out, ", ".join(listed), bullet=title)
    for example in split.examples:
        fields = "; ".join(f"{key}: {_text(value)}" for key, value in example.items())
        print_text(out, fields, bullet="•")


def _text(value: Any) -> str:
    text = " ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    text = printable(text)
    return f"{text[:TEXT]}…" if len(text) > TEXT else text
