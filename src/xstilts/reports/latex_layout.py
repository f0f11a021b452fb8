"""LaTeX tables that fit a page: long cells wrap, wide and long tables are divided."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache, partial
from itertools import count

from xstilts.reports.latex import COLUMN_SPACE, LatexTable

WIDTH = 455.0
"""TeX points of both columns of a page in the style of ACL, 16 cm."""
ROWS = 40
"""Lines of a table that fit a page below a long caption, at most."""
NAME = 60.0
"""Points of a first column that wraps, at least."""
CHARACTERS = (
    (2.5, "!',.:;il "),
    (3.1, "fj-I`[]"),
    (3.5, "()rst_"),
    (4.5, 'ab cdeghknopquvxyz0123456789*/?~^"\\$J'),
    (6.7, "wABCDEFGHKLNOPQRSTUVXYZ&+=@#%<>"),
)
"""Points of characters in \\footnotesize, in the fonts of `article` (8 pt) or ACL (Times, 9 pt)."""
POINTS = {character: points for points, text in reversed(CHARACTERS) for character in text}
WIDEST = 9.0
KINDS = {"quad": WIDEST, "sign": WIDEST, "mark": 4.0, "space": 2.0}
"""Points of what is no character, see `TOKEN`; of fonts and braces 0."""
QUAD = r"\quad "
BOLD = 1.1
"""Width of bold numbers, relative to plain ones."""
TOKEN = re.compile(
    r"(?P<quad>\\quad )|(?P<space>\\,)|(?P<mark>\$\^\{[^}]*\}\$)|(?P<font>\\text(?:bf|it|tt)(?=\{))"
    r"|(?P<sign>\\[A-Za-z]+(?:\{\})?)|(?P<brace>[{}$])|\\?(?P<character>.)"
)
BREAK = re.compile(r"(?<= )|(?<=[^$]-)(?!\$)|(?<=\\_)")
"""Where a cell may wrap."""
Rows = Sequence[Sequence[str]]


@cache
def text_width(cell: str) -> float:
    """The width of a cell of LaTeX in points, rather too large than too small."""
    points = sum(map(_token_width, TOKEN.finditer(cell)))
    return points * BOLD if r"\textbf" in cell else points


def _token_width(token: re.Match[str]) -> float:
    if token["character"]:
        return POINTS.get(token["character"], WIDEST)
    return KINDS.get(token.lastgroup or "", 0.0)


def fitted(table: LatexTable, kept: int = 1, always_numbered: bool = False) -> Iterator[LatexTable]:
    """The parts of a table that fit a page each, without columns that are empty.

    Args:
        kept: number of first columns that each part has.
        always_numbered: whether the first label ends in `-1`; further ones end in `-2` and so on.
    """
    numbers = count(1)
    for page in _pages(table.groups, lambda _: 1):
        for columns in _divided(replace(table, groups=page), kept):
            part = _selected(table, page, columns)
            widths = _widths(part)
            for groups in _pages(part.groups, partial(_lines, widths=widths)):
                number = next(numbers)
                is_numbered = always_numbered or number > 1
                yield replace(
                    _wrapped(replace(part, groups=groups), widths),
                    caption=table.caption if number == 1 else table.continued,
                    label=f"{table.label}-{number}" if is_numbered else table.label,
                    width=sum(widths) + _space(len(widths)),
                )


# rows


def _pages(groups: Sequence[Rows], lines: Callable[[Sequence[str]], int]) -> Iterator[list[Rows]]:
    """Groups whose rows fit a page; a longer group is divided and its title repeated."""
    page: list[Rows] = []
    used = 0
    for group in (part for whole in groups for part in _divided_group(whole, lines)):
        more = sum(map(lines, group))
        if page and used + more > ROWS:
            yield page
            page, used = [], 0
        page.append(group)
        used += more
    if page:
        yield page


def _divided_group(group: Rows, lines: Callable[[Sequence[str]], int]) -> Iterator[Rows]:
    title = [row for row in group[:1] if len(row) == 1]
    part, used = list(title), len(title)
    for row in group[len(title) :]:
        if used > len(title) and used + lines(row) > ROWS:
            yield part
            part, used = list(title), len(title)
        part.append(row)
        used += lines(row)
    yield part


def _lines(row: Sequence[str], widths: Sequence[float]) -> int:
    """Lines of a row, of whose cells some wrap; a title has one."""
    if len(row) == 1:
        return 1
    return max(_lines_of_cell(cell, width) for cell, width in zip(row, widths, strict=True))


def _lines_of_cell(cell: str, width: float) -> int:
    lines, used = 1, 0.0
    for piece in map(text_width, BREAK.split(cell)):
        if used and used + piece > width:
            lines, used = lines + 1, 0.0
        used += piece
    return lines


# columns


def _divided(table: LatexTable, kept: int) -> list[list[int]]:
    """The columns of each part: as few parts as fit the page, of about equal size."""
    rows = [row for group in table.groups for row in group if len(row) > 1]
    first = list(range(kept))
    others = [i for i in range(kept, len(table.header)) if any(row[i] for row in rows) or not rows]
    least = [_least(table, i) for i in range(len(table.header))]
    room = WIDTH - sum(least[i] for i in first) - _space(kept)
    for parts in range(1, len(others) + 1):
        size = -(-len(others) // parts)
        found = [others[start : start + size] for start in range(0, len(others), size)]
        if all(sum(least[i] + 2 * COLUMN_SPACE for i in part) <= room for part in found):
            break
    return [[*first, *part] for part in found] if others else [first]


def _selected(table: LatexTable, groups: Sequence[Rows], columns: Sequence[int]) -> LatexTable:
    return replace(
        table,
        alignment="".join(table.alignment[i] for i in columns),
        header=[table.header[i] for i in columns],
        groups=[
            [row if len(row) == 1 else [row[i] for i in columns] for row in group]
            for group in groups
        ],
    )


def _space(columns: int) -> float:
    """Between columns."""
    return 2 * COLUMN_SPACE * (columns - 1)


def _cells(table: LatexTable, column: int) -> list[str]:
    return [row[column] for group in table.groups for row in group if len(row) > 1]


def _natural(table: LatexTable, column: int) -> float:
    """The width of a column in which nothing wraps."""
    return max(map(text_width, (table.header[column], *_cells(table, column))))


def _least(table: LatexTable, column: int) -> float:
    """The width of a column's longest part that cannot wrap: of its title, and of texts."""
    wraps = table.alignment[column] == "l"
    cells = _cells(table, column)
    pieces = BREAK.split(table.header[column])
    pieces += [piece for cell in cells for piece in (BREAK.split(cell) if wraps else [cell])]
    indent = text_width(QUAD) if any(cell.startswith(QUAD) for cell in cells) else 0.0
    least = max(map(text_width, pieces)) + indent
    return least if column else max(least, min(NAME, _natural(table, column)))


def _widths(table: LatexTable) -> list[float]:
    """The width of each column: the widest are made narrower until all fit the page."""
    natural = [_natural(table, i) for i in range(len(table.header))]
    least = [_least(table, i) for i in range(len(table.header))]
    room = WIDTH - _space(len(natural))
    for cap in range(int(max(natural)) + 1, 0, -1):
        widths = [max(low, min(high, cap)) for low, high in zip(least, natural, strict=True)]
        if sum(widths) <= room:
            break
    return widths


def _wrapped(table: LatexTable, widths: Sequence[float]) -> LatexTable:
    """The table with the cells that are wider than their columns in boxes."""
    header = [
        _box(cell, width, "b", "raggedright" if side == "l" else "raggedleft")
        for cell, width, side in zip(table.header, widths, table.alignment, strict=True)
    ]
    groups = [
        [
            row if len(row) == 1 else [_box(*cell, "t") for cell in zip(row, widths, strict=True)]
            for row in group
        ]
        for group in table.groups
    ]
    return replace(table, header=header, groups=groups)


def _box(cell: str, width: float, anchor: str, ragged: str = "raggedright") -> str:
    if text_width(cell) <= width:
        return cell
    indent = QUAD if cell.startswith(QUAD) else ""
    points = width - (text_width(QUAD) if indent else 0.0)
    text = cell.removeprefix(indent).replace(r"\_", r"\_\allowbreak{}")
    return rf"{indent}\parbox[{anchor}]{{{points:.0f}pt}}{{\{ragged}\strut {text}\strut}}"
