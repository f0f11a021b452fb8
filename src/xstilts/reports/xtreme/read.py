"""Read a submission's files as XTREME's evaluate.py does (read_label, read_tag, read_squad).

evaluate.py reads text with universal newlines, strips every line, and ends a sentence at each
blank line of a tag file, so two blank lines in a row make an empty sentence. It uses the locale's
encoding; this module uses UTF-8 and keeps a byte-order mark.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple


class Sentence(NamedTuple):
    """The tags of a sentence and its first line in the file, from 1."""

    line: int
    tags: tuple[str, ...]


def read_lines(path: Path) -> list[str]:
    """All lines, stripped."""
    with path.open(encoding="utf-8") as file:
        return [line.strip() for line in file]


def read_sentences(path: Path) -> list[Sentence]:
    """The tags of every sentence."""
    found: list[Sentence] = []
    tags: list[str] = []
    start = 1
    for number, line in enumerate(read_lines(path), start=1):
        if line:
            tags.append(line)
        else:
            found.append(Sentence(start, tuple(tags)))
            tags, start = [], number + 1
    return [*found, Sentence(start, tuple(tags))] if tags else found


def read_answers(path: Path) -> list[tuple[str, Any]]:
    """Question ids and answers in file order, including repeated ids.

    evaluate.py uses the last answer of a repeated id, and the content of a key `data` if present.

    Raises:
        ValueError: not a JSON object; a JSONDecodeError holds the line.
    """
    try:
        tree = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=tuple)
    except RecursionError:
        raise ValueError("too deeply nested") from None
    if not isinstance(tree, tuple):
        raise ValueError("expected one JSON object: question id → answer")
    inner = dict(tree).get("data", tree)
    if not isinstance(inner, tuple):
        raise ValueError("key 'data': evaluate.py reads its value instead of the answers")
    return list(inner)
