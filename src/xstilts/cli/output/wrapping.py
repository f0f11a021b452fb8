"""Texts wrapped at spaces: words, and thus names, never break."""

from __future__ import annotations

from rich.cells import cell_len
from rich.text import Text


def wrapped(line: Text, width: int, joined: bool = False) -> list[Text]:
    """A text as lines of at most `width` cells; a longer word is a line of its own.

    Args:
        joined: keep the text in one line.
    """
    if joined or line.cell_len <= width:
        return [line]
    lines, start, end = [], 0, 0
    for first, last in _words(line.plain):
        if end and cell_len(line.plain[start:last]) > width:
            lines.append(line[start:end])
            start = first
        end = last
    return [*lines, line[start:end]]


def wrapped_item(bullet: str, line: Text, width: int) -> list[Text]:
    """An item of a list: its lines after the first are indented as far as its text."""
    indent = cell_len(bullet) + 1
    first, *others = wrapped(line, width - indent)
    return [
        Text.assemble(bullet, " ", first),
        *(Text.assemble(" " * indent, each) for each in others),
    ]


def _words(text: str) -> list[tuple[int, int]]:
    """Start and end of each word; `95 %` and `[ ]` are one."""
    words, start = [], None
    for index, character in enumerate((*text, " ")):
        is_space = character.isspace() and not text.startswith(("%", "]"), index + 1)
        if is_space and start is not None:
            words.append((start, index))
            start = None
        elif not is_space and start is None:
            start = index
    return words
