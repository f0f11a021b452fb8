"""A submission's files as XTREME's evaluate.py reads them (read_label, read_tag, read_squad).

It reads text with universal newlines, strips every line, and takes a blank line in a file of
tags as the end of a sentence, so two in a row make an empty sentence. The text's encoding is left
to the machine there; here it is UTF-8, with no regard for a byte-order mark.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple


class Sentence(NamedTuple):
    """The tags of a sentence, and the line of the file on which it starts."""

    line: int
    tags: tuple[str, ...]


def read_lines(path: Path) -> list[str]:
    """Every line without the white space around it."""
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
    """Question ids and answers in the file's order, repeated ids included.

    evaluate.py takes the last of equal ids, and what is under `data` if there is such a key.

    Raises:
        ValueError: not a JSON object; a JSONDecodeError tells the line.
    """
    tree = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=tuple)
    if not isinstance(tree, tuple):
        raise ValueError("must hold one JSON object: question id → answer")
    inner = dict(tree).get("data", tree)
    if not isinstance(inner, tuple):
        raise ValueError("has a key 'data', which evaluate.py reads instead of the answers")
    return list(inner)
