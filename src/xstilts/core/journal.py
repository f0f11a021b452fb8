"""What happened in a store, one JSON line an event, appended and never rewritten."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any


class Journal:
    """The store's `journal.jsonl`. A line is written with one call, so writers do not mix."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, event: str, **facts: Any) -> None:
        """Append one event with the time (seconds since the epoch)."""
        line = json.dumps({"time": round(time.time(), 3), "event": event, **facts}) + "\n"
        with self.path.open("ab", buffering=0) as file:
            file.write(line.encode())

    def read(self) -> Iterator[dict[str, Any]]:
        """All events, oldest first; a last line that a crash cut short is passed over."""
        if not self.path.exists():
            return
        with self.path.open(encoding="utf-8") as file:
            for line in file:
                try:
                    yield json.loads(line)
                except json.JSONDecodeError:
                    continue

    def last(self, count: int) -> list[dict[str, Any]]:
        """The newest `count` events, oldest first."""
        return list(self.read())[-count:] if os.path.exists(self.path) else []
