"""The store's journal: one JSON line per event, appended and never rewritten."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

BLOCK = 1 << 14
"""Bytes that are read at a time from the end of the file."""


class Journal:
    """The store's `journal.jsonl`. Each line is written by one call, so that writers do not mix."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, event: str, **facts: Any) -> None:
        """Append one event with the time (seconds since the epoch)."""
        line = json.dumps({"time": round(time.time(), 3), "event": event, **facts}) + "\n"
        with self.path.open("ab", buffering=0) as file:
            file.write(line.encode())

    def read(self) -> Iterator[dict[str, Any]]:
        """All events, oldest first; lines that a crash cut short are skipped."""
        if self.path.exists():
            with self.path.open("rb") as file:
                yield from _events(file)

    def last(self, count: int) -> list[dict[str, Any]]:
        """The newest `count` events, oldest first; only the end of the file is read."""
        if not self.path.exists():
            return []
        return list(islice(_events(_lines_from_end(self.path)), count))[::-1]


def _events(lines: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    """The events of the lines that are valid JSON."""
    for line in lines:
        try:
            yield json.loads(line)
        except ValueError:
            continue


def _lines_from_end(path: Path) -> Iterator[bytes]:
    """The lines of a file, the last one first, read in blocks from its end."""
    with path.open("rb") as file:
        end, rest = file.seek(0, os.SEEK_END), b""
        while end > 0:
            start = max(0, end - BLOCK)
            file.seek(start)
            rest, *lines = (file.read(end - start) + rest).split(b"\n")
            yield from reversed(lines)
            end = start
        yield rest
