"""Texts in Markdown that are shown as they are: neither HTML, links nor columns of a table.

Source: CommonMark 0.31 (sections 2.4 to 2.5, 6.3, 6.6) and the tables of GitHub Flavored Markdown.
"""

from __future__ import annotations

import re

MARKUP = re.compile(r"\\(?=[!-/:-@\[-`{-~]|$)|<(?=[A-Za-z/!?])|&(?=#?\w+;)|(?<=\])\(|\|")
"""An escape, the start of HTML, a character reference, the target of a link, a column's end."""
LINES = re.compile(r"\s*[\r\n]+\s*")


def escaped(text: str) -> str:
    """A text for a paragraph."""
    return MARKUP.sub(_escape, text)


def escaped_cell(text: str) -> str:
    """A text for a cell of a table, in one line."""
    return escaped(LINES.sub(" ", text))


def _escape(match: re.Match[str]) -> str:
    return {"<": "&lt;", "&": "&amp;"}.get(match[0], f"\\{match[0]}")
