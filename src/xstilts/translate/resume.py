"""Resume state of an interrupted translation stage: one JSON line per batch of texts.

Every line contains its own digest and the key of its stage (lines of earlier versions do not). A
damaged or truncated line, or one of another stage, and all lines after it are discarded, and
their batches are translated again.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from xstilts.core.artifact import unreadable
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
    """Log of the finished batches of a stage, in a folder that need not exist yet.

    Args:
        key: of the stage.
    """

    folder: Path
    key: str = ""

    def read(self) -> list[TranslatedBatch]:
        """Return the valid batches, and truncate the file after them.

        Raises:
            StoreError: the file cannot be read.
        """
        path = self.folder / FILE
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return []
        except OSError as error:
            raise unreadable(path, error) from error
        batches, valid = list[TranslatedBatch](), list[str]()
        for line in data.split(b"\n")[:-1]:
            try:
                batches.append(_parsed(line, self.key))
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
                break
            valid.append(line.decode() + "\n")
        write_text(path, "".join(valid))
        return batches

    def add(self, batch: TranslatedBatch) -> None:
        """Append a batch and sync the file to disk."""
        self.folder.mkdir(parents=True, exist_ok=True)
        saved = {**asdict(batch), "key": self.key}
        line = canonical({**saved, "self": digest_of(saved)}) + "\n"
        with (self.folder / FILE).open("ab", buffering=0) as file:
            file.write(line.encode())
            os.fsync(file.fileno())


def _parsed(line: bytes, key: str) -> TranslatedBatch:
    saved = json.loads(line)
    digest = saved.pop("self")
    if digest != digest_of(saved):
        raise ValueError("the digest of the line does not match")
    if saved.pop("key", key) != key:
        raise ValueError("the line is that of another stage")
    return TranslatedBatch(**saved)
