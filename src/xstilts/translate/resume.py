"""Resume state of an interrupted translation stage: one JSON line per batch of texts.

Every line contains its own digest. A damaged or truncated line and all lines after it are
discarded, and their batches are translated again.
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
    """Translations of a batch of texts, and the number of unknown words."""

    translations: list[str]
    unknown: int = 0


@dataclass(frozen=True)
class TranslationLog:
    """Log of the finished batches of a stage, in a folder that need not exist yet."""

    folder: Path

    def read(self) -> list[TranslatedBatch]:
        """Return the valid batches, and truncate the file after them."""
        path = self.folder / FILE
        if not path.exists():
            return []
        batches, valid = list[TranslatedBatch](), list[str]()
        for line in path.read_bytes().split(b"\n")[:-1]:
            try:
                batches.append(_parsed(line))
            except (ValueError, KeyError, TypeError):
                break
            valid.append(line.decode() + "\n")
        write_text(path, "".join(valid))
        return batches

    def add(self, batch: TranslatedBatch) -> None:
        """Append a batch and sync the file to disk."""
        self.folder.mkdir(parents=True, exist_ok=True)
        line = canonical({**asdict(batch), "self": digest_of(asdict(batch))}) + "\n"
        with (self.folder / FILE).open("ab", buffering=0) as file:
            file.write(line.encode())
            os.fsync(file.fileno())


def _parsed(line: bytes) -> TranslatedBatch:
    saved = json.loads(line)
    digest = saved.pop("self")
    if digest != digest_of(saved):
        raise ValueError("the digest of the line does not match")
    return TranslatedBatch(**saved)
