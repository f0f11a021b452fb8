"""Files are replaced in one piece, also when several machines write them at once."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from xstilts.core.atomic_io import write_chunks


def test_processes_of_one_number_on_two_machines_do_not_mix_what_they_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "getpid", lambda: 7)  # as in two containers
    path = tmp_path / "record.json"

    def chunks() -> Iterator[str]:
        yield "first"
        write_chunks(path, ("other",))
        assert path.read_text() == "other"
        yield " and last"

    write_chunks(path, chunks())
    assert path.read_text() == "first and last"
    assert [entry.name for entry in tmp_path.iterdir()] == ["record.json"]
