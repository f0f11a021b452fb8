"""The way back into a translation that was stopped: one JSON line per batch of texts.

A line carries its own digest. What follows a damaged or a cut line is forgotten and done again.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from xstilts.core.atomic_io import write_text
from xstilts.core.hashing import canonical, digest_of

FILE = "translations.jsonl"


@dataclass(frozen=True)
class TranslatedBatch:
    """The translations of one batch, and how many words of it were unknown."""

    translations: list[str]
    unknown: int = 0


@dataclass(frozen=True)
class TranslationLog:
    """The batches of a stage that are finished, in one folder, which need not exist yet."""

    folder: Path

    def read(self) -> list[TranslatedBatch]:
        """The sound batches from the start; the file is cut after them."""
        path = self.folder / FILE
        if not path.exists():
            return []
        batches, sound = list[TranslatedBatch](), list[str]()
        for line in path.read_bytes().split(b"\n")[:-1]:
            try:
                batches.append(_parsed(line))
            except (ValueError, KeyError, TypeError):
                break
            sound.append(line.decode() + "\n")
        write_text(path, "".join(sound))
        return batches

    def add(self, batch: TranslatedBatch) -> None:
        """Append a batch and see it onto the disk."""
        self.folder.mkdir(parents=True, exist_ok=True)
        line = canonical({**asdict(batch), "self": digest_of(asdict(batch))}) + "\n"
        with (self.folder / FILE).open("ab", buffering=0) as file:
            file.write(line.encode())
            os.fsync(file.fileno())


def _parsed(line: bytes) -> TranslatedBatch:
    saved = json.loads(line)
    own = saved.pop("self")
    if own != digest_of(saved):
        raise ValueError("the line has been changed")
    return TranslatedBatch(**saved)
