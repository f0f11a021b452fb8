"""Resume checkpoints of a training run: written atomically and verified on load.

A checkpoint is a folder `step-N`, created by a rename: `state.safetensors` (weights, optimizer
moments, generator states) and `state.json` with the SHA-256 of the tensors and of itself. The two
newest are kept, and none of a later step: a training that began again does not resume from one of
its first attempt. A damaged checkpoint, or one of another stage, is reported and removed, and the
previous one is loaded. Checkpoints of earlier versions do not name their stage: the folder they
lie in decides. An error of the operating system is no damage, and removes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from xstilts.core.artifact import ABSENT, unreadable
from xstilts.core.atomic_io import fsync, set_usual_permissions, write_json
from xstilts.core.fault_injection import fault
from xstilts.core.hashing import digest_of, digest_of_file
from xstilts.core.store import store_errors
from xstilts.core.store_layout import own_folders, remove_folder
from xstilts.core.unique_number import unique_number
from xstilts.training.checkpoint_files import FACTS, STAGED, STEP, TENSORS, checked_facts

KEPT = 2
DAMAGE = (*ABSENT, ValueError, KeyError, RecursionError, SafetensorError)


@dataclass(frozen=True)
class Checkpoint:
    """The state of a training run after a number of optimizer steps."""

    step: int
    tensors: dict[str, Tensor]
    facts: dict[str, Any]


@dataclass(frozen=True)
class Checkpoints:
    """The checkpoints of a training stage, in a folder that need not exist yet.

    Args:
        key: of the stage; written into each checkpoint, and compared when one is loaded.
    """

    folder: Path
    key: str = ""

    def save(self, checkpoint: Checkpoint) -> None:
        """Write a checkpoint, then delete those of later steps, and all but the two newest.

        What killed processes have left half written is deleted first.

        Raises:
            StoreError: it cannot be written.
        """
        with store_errors(self.folder):
            self._save(checkpoint)

    def _save(self, checkpoint: Checkpoint) -> None:
        _remove_file(self.folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        for leftover in own_folders(self.folder, STAGED):
            remove_folder(leftover)
        staged = self.folder / f".staged.{unique_number()}"
        staged.mkdir()
        save_file(checkpoint.tensors, staged / TENSORS)
        set_usual_permissions(staged / TENSORS)
        fault("checkpoint.before_files_synced")
        fsync(staged / TENSORS)
        facts = {
            "key": self.key,
            "step": checkpoint.step,
            "facts": checkpoint.facts,
            "tensors": digest_of_file(staged / TENSORS),
        }
        write_json(staged / FACTS, {**facts, "self": digest_of(facts)})
        fault("checkpoint.before_rename")
        target = self.folder / f"step-{checkpoint.step}"
        remove_folder(target)
        _remove_file(target)
        staged.rename(target)
        fsync(self.folder)
        fault("checkpoint.after_rename")
        later = [path for step, path in self._newest_first() if step > checkpoint.step]
        earlier = [path for step, path in self._newest_first() if step <= checkpoint.step]
        for path in (*later, *earlier[KEPT:]):
            remove_folder(path)

    def newest(self) -> tuple[Checkpoint | None, list[str]]:
        """Return the newest valid checkpoint, and notes on newer ones that were damaged.

        Raises:
            StoreError: a checkpoint cannot be read.
        """
        notes: list[str] = []
        for step, path in self._newest_first():
            try:
                return self._read(path, step), notes
            except DAMAGE as error:
                notes.append(f"checkpoint {path.name} is damaged ({error}); removed")
                remove_folder(path)
        return None, notes

    def of_step(self, step: int) -> Checkpoint:
        """The valid checkpoint that another process has read.

        Raises:
            StoreError, OSError, ValueError: it cannot be read.
        """
        return self._read(self.folder / f"step-{step}", step)

    def clear(self) -> None:
        """Remove all checkpoints."""
        for _, path in self._newest_first():
            remove_folder(path)

    def _newest_first(self) -> Iterator[tuple[int, Path]]:
        steps = {
            int(path.name.removeprefix("step-")): path for path in own_folders(self.folder, STEP)
        }
        yield from sorted(steps.items(), reverse=True)

    def _read(self, path: Path, step: int) -> Checkpoint:
        try:
            saved = checked_facts(path, self.key)
            return Checkpoint(step, load_file(path / TENSORS), saved["facts"])
        except ABSENT:
            raise
        except OSError as error:
            raise unreadable(path, error) from error


def _remove_file(path: Path) -> None:
    """Remove a file that has taken the name of a folder by damage."""
    if path.is_file() or (path.is_symlink() and not path.exists()):
        path.unlink()
