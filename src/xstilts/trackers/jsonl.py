"""Events as JSON lines in a file."""

from __future__ import annotations

import json
import time
from pathlib import Path

from xstilts.executors.events import Event
from xstilts.trackers.base import RunInfo

FILE = "events.jsonl"


class JsonlTracker:
    """Appends one JSON line per event to `events.jsonl` in the run's tracking folder.

    Keys: time (seconds since the epoch), event, key, kind, label, facts.
    """

    def __init__(self, info: RunInfo) -> None:
        self.path: Path = info.folder / FILE
        info.folder.mkdir(parents=True, exist_ok=True)
        self._file = self.path.open("a", encoding="utf-8")

    def on_event(self, event: Event) -> None:
        """Write the event's line."""
        line = {
            "time": round(time.time(), 3),
            "event": event.kind,
            "key": event.stage.key,
            "kind": event.stage.kind,
            "label": event.stage.label,
            "facts": event.facts,
        }
        self._file.write(json.dumps(line, ensure_ascii=False) + "\n")
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()
