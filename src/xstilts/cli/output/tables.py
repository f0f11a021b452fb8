"""Tables that fit the terminal: columns fold under their rows by priority, names never break."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.console import Console
from rich.style import Style
from rich.text import Text

from xstilts.cli.output.wrapping import wrapped
from xstilts.core.printable import printable

if TYPE_CHECKING:
    import pandas as pd

GAP = 2
"""Spaces between two columns."""
INDENT = 2
"""Spaces before what is folded under a row."""
READABLE = 32
"""Columns of a terminal that a text needs to be easy to read."""
BETWEEN = "; "
"""Between two cells that are folded under a row."""
HEADER, CAPTION, FOLDED = Style(bold=True), Style(dim=True), Style(dim=True)
Cell = str | Text


class ColumnKind(StrEnum):
    """How a column uses its width: names and numbers stay in one piece, texts wrap at words."""

    NAME = "name"
    NUMBER = "number"
    TEXT = "text"


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Args:
        priority: columns with a higher number fold first; those with 0 fold last. The first
            column of a table never folds.
    """

    title: str
    kind: ColumnKind = ColumnKind.NAME
    priority: int = 0

    @property
    def is_number(self) -> bool:
        """Whether its cells are aligned to the right."""
        return self.kind is ColumnKind.NUMBER


def name(title: str, priority: int = 0) -> Column:
    """A column of names."""
    return Column(title, ColumnKind.NAME, priority)


def number(title: str, priority: int = 0) -> Column:
    """A column of numbers."""
    return Column(title, ColumnKind.NUMBER, priority)


def text(title: str, priority: int = 0) -> Column:
    """A column of texts."""
    return Column(title, ColumnKind.TEXT, priority)


@dataclass(frozen=True)
class FoldingTable:
    """A table whose less important columns move under their rows where the terminal is narrow.

    Args:
        rows: as many cells each as there are columns.
        styles: of the rows; none for those beyond its end.
    """

    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    caption: str = ""
    styles: Sequence[str] = ()

    def lines(self, width: int, rule: str = "─") -> Iterator[Text]:
        """The table as lines; only a name that is longer than `width` makes one longer."""
        cells = [[_as_text(cell) for cell in row] for row in self.rows]
        widths = self._widths(cells, width)
        hidden = [index for index in range(len(self.columns)) if index not in widths]
        folded = sorted(hidden, key=lambda index: self.columns[index].priority)
        titles = {index: [Text(self.columns[index].title)] for index in widths}
        yield from self._row(titles, widths, HEADER)
        yield Text(rule * min(width, sum(widths.values()) + GAP * (len(widths) - 1)))
        for index, row in enumerate(cells):
            style = Style.parse(self.styles[index]) if index < len(self.styles) else Style()
            wraps = {each: wrapped(row[each], widths[each], self._joins(each)) for each in widths}
            yield from self._row(wraps, widths, style)
            yield from self._folded(row, folded, width, style)
        for paragraph in self.caption.splitlines():
            yield from wrapped(Text(paragraph, CAPTION), width)

    def _joins(self, index: int) -> bool:
        """Whether a cell stays in one piece."""
        return self.columns[index].kind is not ColumnKind.TEXT

    def _widths(self, cells: Sequence[Sequence[Text]], width: int) -> Mapping[int, int]:
        """The width of each column that is shown in rows."""
        full = [
            max((cell_len(column.title), *(row[index].cell_len for row in cells)))
            for index, column in enumerate(self.columns)
        ]
        least = [self._least(index, full[index], cells) for index in range(len(self.columns))]
        shown = list(range(len(self.columns)))
        while _total(least[index] for index in shown) > width and len(shown) > 1:
            shown.remove(max(shown[1:], key=lambda index: (self.columns[index].priority, index)))
        spare = width - _total(least[index] for index in shown)
        widths = {index: least[index] for index in shown}
        for index in sorted(shown, key=lambda each: full[each] - least[each]):
            texts = sum(full[each] > widths[each] for each in shown) or 1
            more = max(0, min(full[index] - widths[index], spare // texts))
            widths[index] += more
            spare -= more
        return widths

    def _least(self, index: int, full: int, cells: Sequence[Sequence[Text]]) -> int:
        column = self.columns[index]
        if column.kind is not ColumnKind.TEXT:
            return full
        words = (cell_len(word) for row in cells for word in row[index].plain.split())
        return min(full, max((READABLE, cell_len(column.title), *words)))

    def _row(
        self, cells: Mapping[int, Sequence[Text]], widths: Mapping[int, int], style: Style
    ) -> Iterator[Text]:
        """A row as one line, or as many as its longest text needs."""
        for number_of_line in range(max(map(len, cells.values()))):
            line = Text(style=style)
            for index, parts in cells.items():
                part = parts[number_of_line] if number_of_line < len(parts) else Text()
                spaces = " " * max(0, widths[index] - part.cell_len)
                line.append_text(Text(" " * GAP if line.plain else ""))
                ordered = (Text(spaces), part) if self.columns[index].is_number else (part, spaces)
                for piece in ordered:
                    line.append(piece) if isinstance(piece, str) else line.append_text(piece)
            line.rstrip()
            yield line

    def _folded(
        self, row: Sequence[Text], folded: Sequence[int], width: int, style: Style
    ) -> Iterator[Text]:
        """What is folded under a row: each cell with its title."""
        pieces = []
        for index in folded:
            if row[index].plain:
                column = self.columns[index]
                colon = ":" if column.kind is ColumnKind.TEXT else ""
                piece = Text.assemble((f"{column.title}{colon}", FOLDED), " ", row[index])
                pieces.append((piece, self._joins(index)))
        line = Text()
        for piece, joins in pieces:
            if line.plain and line.cell_len + len(BETWEEN) + piece.cell_len > width - INDENT:
                yield from _indented(line, style)
                line = Text()
            if piece.cell_len > width - INDENT and not joins:
                *full, line = wrapped(piece, width - INDENT)
                for part in full:
                    yield from _indented(part, style)
                continue
            line = Text.assemble(line, BETWEEN, piece) if line.plain else piece
        if line.plain:
            yield from _indented(line, style)


def show_table(out: Console, table: FoldingTable) -> None:
    """Print a table as wide as the console, with an empty line before and after it."""
    rule = "-" if out.options.ascii_only else "─"
    out.print()
    for line in table.lines(out.width, rule):
        out.print(line, soft_wrap=True, highlight=False)
    out.print()


def framed(
    frame: pd.DataFrame,
    columns: Mapping[str, Column],
    caption: str = "",
    styles: Sequence[str] = (),
    cell_styles: Mapping[str, Sequence[str]] = MappingProxyType({}),
) -> FoldingTable:
    """A data frame of texts as a table; columns that are not named are numbers that fold first.

    Args:
        columns: name of a column of the frame → how it is shown.
        cell_styles: name of a column → the style of each of its cells.
    """
    shown = [columns.get(title, number(title, priority=9)) for title in frame.columns]
    rows: list[list[Cell]] = [
        list(map(str, row)) for row in frame.itertuples(index=False, name=None)
    ]
    for title, cells in cell_styles.items():
        index = list(frame.columns).index(title)
        for row, cell_style in zip(rows, cells, strict=True):
            row[index] = Text(str(row[index]), cell_style)
    return FoldingTable(shown, rows, caption, styles)


def without_empty(table: FoldingTable) -> FoldingTable:
    """The table without columns that have no text in any row."""
    used = [
        index for index in range(len(table.columns)) if any(str(row[index]) for row in table.rows)
    ]
    return replace(
        table,
        columns=[table.columns[index] for index in used],
        rows=[[row[index] for index in used] for row in table.rows],
    )


def _as_text(cell: Cell) -> Text:
    """A cell in one line, without control characters."""
    if isinstance(cell, Text):
        return cell
    return Text(printable(" ".join(cell.splitlines())))


def _total(widths: Iterable[int]) -> int:
    listed = list(widths)
    return sum(listed) + GAP * (len(listed) - 1)


def _indented(line: Text, style: Style) -> Iterator[Text]:
    yield Text.assemble(" " * INDENT, line, style=style)
