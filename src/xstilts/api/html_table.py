"""Tables as HTML for notebooks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

BOLD = "font-weight: bold"
LEFT = "text-align: left"


def html_table(
    titles: Sequence[str],
    rows: Sequence[Sequence[str]],
    styles: Mapping[tuple[int, int], str] | None = None,
) -> str:
    """A table; texts are escaped, and numbers aligned by the notebook.

    Args:
        styles: (row, column) → CSS of the cell.
    """
    head = "".join(f'<th style="{LEFT}">{escape(title)}</th>' for title in titles)
    known = styles or {}
    lines = (
        "".join(_cell(text, known.get((i, j), "")) for j, text in enumerate(row))
        for i, row in enumerate(rows)
    )
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def paragraph(text: str) -> str:
    """A paragraph; the text is escaped."""
    return f"<p>{escape(text)}</p>"


def _cell(text: str, style: str) -> str:
    return f'<td style="{LEFT}{"; " if style else ""}{style}">{escape(text)}</td>'
