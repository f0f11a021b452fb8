"""XTREME's files of a word and its tag per line."""

from __future__ import annotations

from pathlib import Path

import pytest

from xstilts.formats.tagging import TAGGING, TaggedExample
from xstilts.tasks.io.conll import read_tagged


@pytest.mark.parametrize("word", ["\u00a0", " ", "\u3000", "\u200b"])
def test_only_an_empty_line_ends_a_sentence(tmp_path: Path, word: str) -> None:
    path = tmp_path / "test-vi.tsv"
    path.write_bytes(f"one\r\n{word}\r\ntwo\r\n\r\n\r\nthree\r\n".encode())
    found = list(read_tagged((1, 2))(path, "test"))
    assert all(isinstance(one, TaggedExample) for one in found)
    assert [one.tokens for one in found] == [("one", word, "two"), ("three",)]  # type: ignore[union-attr]
    assert [list(TAGGING.problems(one, frozenset(["O"]), "test")) for one in found] == [[], []]
