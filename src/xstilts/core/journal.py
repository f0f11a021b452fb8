"""The store's journal: one JSON line per event, appended and never rewritten.

Each line has the digest of itself under `self`; those of earlier versions do not. A damaged line is
left out with a warning: nothing but messages depends on it.
"""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

from xstilts.core.errors import StoreError
from xstilts.core.hashing import with_digest, without_digest
from xstilts.core.warn_once import warn_once

BLOCK = 1 << 14
"""Bytes that are read at a time from the end of the file."""
LATEST = 1e11
"""Seconds since the epoch; a later time is damage, and not a date."""
logger = logging.getLogger(__name__)


class Journal:
    """The store's `journal.jsonl`. Each line is written by one call, so that writers do not mix."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, event: str, **facts: Any) -> None:
        """Append one event with the time (seconds since the epoch).

        If a full disk or a crash cut the last line short, the event begins a new line.
        """
        record = {"time": round(time.time(), 3), "event": event, **facts}
        line = json.dumps(with_digest(record)) + "\n"
        with self.path.open("a+b", buffering=0) as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - 1))
            start = "" if file.read(1) in (b"", b"\n") else "\n"
            file.write((start + line).encode())

    def read(self) -> Iterator[dict[str, Any]]:
        """All events, oldest first; damaged lines are left out with a warning.

        Raises:
            StoreError: the file cannot be read.
        """
        with _reading(self.path), self.path.open("rb") as file:
            yield from self._events(file)

    def read_from(self, position: int) -> tuple[list[dict[str, Any]], int]:
        """The events of complete lines from a byte position on, and the position after them.

        Raises:
            StoreError: the file cannot be read.
        """
        with _reading(self.path), self.path.open("rb") as file:
            file.seek(position)
            complete, newline, _ = file.read().rpartition(b"\n")
            return list(self._events(complete.split(b"\n"))), position + len(complete + newline)
        return [], position

    @property
    def size(self) -> int:
        """Bytes of the file; 0 without one."""
        return self.path.stat().st_size if self.path.exists() else 0

    def last(self, count: int) -> list[dict[str, Any]]:
        """The newest `count` events, oldest first; only the end of the file is read.

        Raises:
            StoreError: the file cannot be read.
        """
        events = list[dict[str, Any]]()
        with _reading(self.path):
            events += islice(self._events(_lines_from_end(self.path)), count)
        return events[::-1]

    def _events(self, lines: Iterable[bytes]) -> Iterator[dict[str, Any]]:
        """The events of the lines that are what was written."""
        for line in lines:
            if (event := _event_in(line)) is not None:
                yield event
            elif line.strip():
                warn_once(
                    logger,
                    "%s: damaged lines are left out\n"
                    "  → nothing to do: no result depends on the journal",
                    self.path,
                )


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """A missing file has no events; what else the operating system reports is a StoreError."""
    try:
        yield
    except FileNotFoundError:
        return
    except OSError as error:
        raise StoreError(
            f"{path} cannot be read: {error.strerror}", todo="fix its permissions, or move it away"
        ) from error


def _event_in(line: bytes) -> dict[str, Any] | None:
    """The event in a line; None if it is no event, or not what was written."""
    try:
        event = json.loads(line)
        return without_digest(event) if _is_event(event) else None
    except (ValueError, RecursionError):
        return None


def _is_event(event: Any) -> bool:
    """Whether a JSON value is an event with a time and a name."""
    if not isinstance(event, dict) or not isinstance(event.get("event"), str):
        return False
    when = event.get("time")
    return isinstance(when, int | float) and 0 <= when < LATEST


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
