"""The store: a folder of artifacts, each complete or absent.

STORE/xstilts-store.json  the marker: no other folder is taken for a store; see `store_layout`
STORE/artifacts/KEY/    a finished stage: its files and manifest.json, never changed
STORE/staging/          files of running stages; garbage once their process has ended
STORE/checkpoints/KEY/  resume state of an interrupted stage
STORE/features/         tokenized rows that stages share: a store of its own, may be deleted
STORE/locks/  STORE/experiments/  STORE/damaged/  STORE/journal.jsonl
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from xstilts.core.atomic_io import fsync, read_json, write_json
from xstilts.core.errors import StoreError, XstiltsError
from xstilts.core.fault_injection import fault
from xstilts.core.hashing import digest_of_file
from xstilts.core.journal import Journal
from xstilts.core.locks import try_lock
from xstilts.core.stage import Stage
from xstilts.core.store_layout import (
    FEATURES,
    FOLDERS,
    KEY,
    STAGED,
    check_layout,
    is_store,
    mark,
    own_folders,
    remove_folder,
)

MANIFEST = "manifest.json"
FULL = (errno.ENOSPC, errno.EDQUOT)


class DamagedArtifact(XstiltsError):
    """A file of an artifact is missing or differs from the published one."""

    exit_code = 4

    def __init__(self, key: str, file: str, problem: str) -> None:
        self.key = key
        super().__init__(
            f"artifact {key[:12]}: {file} {problem}",
            todo="run again: the artifact is quarantined and rebuilt",
        )


@dataclass(frozen=True)
class Artifact:
    """A finished stage's directory."""

    key: str
    path: Path

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """The manifest: stage, files with size and SHA-256, facts, provenance."""
        try:
            return dict(read_json(self.path / MANIFEST))
        except (OSError, json.JSONDecodeError) as error:
            raise DamagedArtifact(self.key, MANIFEST, f"cannot be read ({error})") from error

    @property
    def facts(self) -> dict[str, Any]:
        """The facts that the stage returned."""
        return dict(self.manifest["facts"])

    @property
    def seconds(self) -> float:
        """Seconds that the stage took on one core, or on a GPU; 0 if not recorded."""
        provenance = self.manifest["provenance"]
        return max(float(provenance.get(name) or 0) for name in ("seconds", "processor_seconds"))

    def __truediv__(self, name: str) -> Path:
        return self.path / name

    def check_sizes(self) -> None:
        """Raise DamagedArtifact unless every file exists with its size (fast)."""
        for name, entry in self.manifest["files"].items():
            try:
                size = (self.path / name).stat().st_size
            except OSError as error:
                raise DamagedArtifact(self.key, name, "is missing") from error
            if size != entry["bytes"]:
                raise DamagedArtifact(self.key, name, f"has {size} bytes, not {entry['bytes']}")

    def check_digests(self) -> None:
        """Raise DamagedArtifact unless every file has its size and SHA-256 (reads all)."""
        self.check_sizes()
        for name, entry in self.manifest["files"].items():
            if digest_of_file(self.path / name) != entry["sha256"]:
                raise DamagedArtifact(self.key, name, "differs from the published file")


class Store:
    """A folder of artifacts. Several processes may use one at the same time.

    Raises:
        StoreError: the folder cannot be created or written.
    """

    def __init__(self, root: Path | str) -> None:
        self.root = Path(root).expanduser().absolute()
        self.journal = Journal(self.root / "journal.jsonl")

    def check(self) -> Store:
        """Check that the folder is a store, or that it does not exist or is empty.

        Raises:
            StoreError: it holds something else, or is a store of a newer version.
        """
        check_layout(self.root)
        return self

    def prepare(self) -> Store:
        """Create the folders.

        Raises:
            StoreError: they cannot be written, or the folder holds something else than a store.
        """
        self.check()
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            mark(self.root)
            for name in FOLDERS:
                (self.root / name).mkdir(exist_ok=True)
            with tempfile.TemporaryFile(dir=self.root / "staging"):
                pass  # the folder can be written
        except OSError as error:
            raise StoreError(
                f"the store {self.root} cannot be written: {error.strerror}",
                todo="give another folder with --store, or fix its permissions",
            ) from error
        return self

    def artifact(self, key: str) -> Artifact:
        """The artifact of that key, which need not exist."""
        return Artifact(key, self.root / "artifacts" / key)

    def has(self, key: str) -> bool:
        """Whether the artifact exists and its files have their sizes."""
        return self.get_valid(key) is not None

    def get_valid(self, key: str) -> Artifact | None:
        """The artifact, if it exists and its files have their sizes."""
        artifact = self.artifact(key)
        try:
            if not artifact.path.is_dir():
                return None
            artifact.check_sizes()
        except DamagedArtifact:
            return None
        return artifact

    def lock_path(self, key: str) -> Path:
        """The lock file of a stage."""
        return self.root / "locks" / f"{key}.lock"

    def checkpoint_path(self, key: str) -> Path:
        """The folder for a stage's own checkpoints; removed when the stage is published."""
        return self.root / "checkpoints" / key

    @contextmanager
    def staging(self, key: str) -> Iterator[Path]:
        """An empty folder for a stage's files, removed after the block unless published."""
        path = self.root / "staging" / f"{key}.{os.getpid()}"
        remove_folder(path)
        try:
            path.mkdir(parents=True)
            yield path
        except Exception as error:
            if is_full(error):
                raise to_store_error(error, self.root) from error
            raise
        finally:
            remove_folder(path)

    def publish(
        self, stage: Stage, staged: Path, facts: Mapping[str, Any], provenance: Mapping[str, Any]
    ) -> Artifact:
        """Turn a staging folder into the stage's artifact by one rename.

        Files are synced before the manifest is written, and the manifest before the rename, so
        that a visible artifact is complete. If another process published the same key first,
        its artifact stays and this one is dropped.
        """
        artifact = self.artifact(stage.key)
        try:
            fault("store.before_files_synced")
            files = {}
            for path in sorted(p for p in staged.rglob("*") if p.is_file()):
                fsync(path)
                name = path.relative_to(staged).as_posix()
                files[name] = {"bytes": path.stat().st_size, "sha256": digest_of_file(path)}
            fault("store.before_manifest")
            manifest = {
                "key": stage.key,
                "stage": stage.to_json(),
                "files": files,
                "facts": dict(facts),
                "provenance": {**provenance, "published": round(time.time(), 3)},
            }
            write_json(staged / MANIFEST, manifest)
            fault("store.before_rename")
            self._publish_by_rename(staged, artifact)
            fault("store.after_rename")
        except OSError as error:
            raise to_store_error(error, self.root) from error
        remove_folder(self.checkpoint_path(stage.key))
        return artifact

    def _publish_by_rename(self, staged: Path, artifact: Artifact) -> None:
        if artifact.path.exists() and not self.has(artifact.key):
            self.quarantine(artifact.key)
        try:
            staged.rename(artifact.path)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
        fsync(artifact.path.parent)

    def quarantine(self, key: str) -> None:
        """Move a damaged artifact to `damaged/`, to be inspected or deleted by a person."""
        target = self.root / "damaged" / f"{key}.{time.time_ns()}"
        target.parent.mkdir(parents=True, exist_ok=True)
        if self.artifact(key).path.exists():
            self.artifact(key).path.rename(target)
            self.journal.write("damaged", key=key, moved_to=str(target.relative_to(self.root)))

    def keys(self) -> list[str]:
        """Keys of all artifacts, sorted; including damaged ones."""
        return self._names("artifacts")

    def stopped(self) -> list[str]:
        """Keys of all stages with a checkpoint, sorted."""
        return self._names("checkpoints")

    def _names(self, folder: str) -> list[str]:
        path = self.root / folder
        return sorted(os.listdir(path)) if path.is_dir() else []

    def cleanup(self) -> int:
        """Remove leftovers of ended processes; returns how many folders were removed.

        These are staging folders, and checkpoints of published stages. Entries with other names
        than a store gives, and symbolic links, stay.
        """
        features = self.root / FEATURES
        nested = not features.is_symlink() and is_store(features)
        removed = Store(features).cleanup() if nested else 0
        for path in own_folders(self.root / "checkpoints", KEY):
            if self.has(path.name):
                remove_folder(path)
                removed += 1
        for path in own_folders(self.root / "staging", STAGED):
            key = path.name.partition(".")[0]
            with try_lock(self.lock_path(key)) as locked:
                if locked:
                    remove_folder(path)
                    removed += 1
        return removed

    def free_bytes(self) -> int:
        """Free space on the store's disk, in bytes."""
        folder = self.root
        while not folder.exists():
            folder = folder.parent
        return shutil.disk_usage(folder).free


def is_full(error: Exception) -> bool:
    """Whether the disk or a quota is full; safetensors reports that in its message only."""
    if isinstance(error, OSError):
        return error.errno in FULL
    return type(error).__name__ == "SafetensorError" and "os error 28" in str(error)


@contextmanager
def store_errors(root: Path) -> Iterator[None]:
    """Turn an OSError of the block into a StoreError."""
    try:
        yield
    except OSError as error:
        raise to_store_error(error, root) from error


def to_store_error(error: Exception, root: Path) -> StoreError:
    """The StoreError for an error of the operating system."""
    if is_full(error):
        return StoreError(
            f"the disk of the store {root} is full",
            todo="free some space and run again; finished stages are kept",
        )
    return StoreError(
        f"the store {root} cannot be written: {getattr(error, 'strerror', None) or error}",
        todo="fix its permissions or give another folder with --store, then run again",
    )
