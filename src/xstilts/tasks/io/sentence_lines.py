"""Whether a table of tagged sentences has a sentence in each line, or a word."""

from __future__ import annotations

from pathlib import Path

from xstilts.core.errors import DataError
from xstilts.formats.io.lines import lines


def check_sentence_per_line(path: Path) -> None:
    """Check that the lines of a file are not words, with a blank line after each sentence.

    Each word would be read as a sentence of its own, without context.

    Raises:
        DataError: every line is one word, and blank lines separate some of them.
    """
    rows, after_blank, is_separated = 0, False, False
    for line in (line.strip() for _, line in lines(path, blank=True)):
        if " " in line:
            return
        is_separated |= bool(line and rows and after_blank)
        rows, after_blank = rows + bool(line), not line
    if is_separated:
        raise DataError(
            "a word in each line, and a blank line after each sentence",
            where=str(path),
            todo="rename the files to .conll, if each line has a word and its tag; or give "
            ".conllu, .jsonl with lists `tokens` and `tags`, or one sentence in each line, words "
            "and tags separated by spaces",
        )
