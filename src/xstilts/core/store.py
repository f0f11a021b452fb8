"""The store: a folder of artifacts, each complete or absent.

STORE/xstilts-store.json  the marker: no other folder is taken for a store; see `store_layout`
STORE/artifacts/KEY/    a finished stage: its files and manifest.json, never changed; see `dropped`
STORE/staging/          files of running stages; garbage once their process has ended
STORE/checkpoints/KEY/  resume state of an interrupted stage
STORE/features/         tokenized rows that stages share: a store of its own, may be deleted
STORE/leases/           who works on which stage
STORE/gains/            gain tables, see `analysis.saved_gain_table`; may be deleted
STORE/pins/             artifacts that are kept, whatever else is removed; see `pins`
STORE/locks/  STORE/experiments/  STORE/damaged/  STORE/journal.jsonl
"""

from __future__ import annotations

import errno
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from xstilts.core.artifact import MANIFEST, Artifact, DamagedArtifact, unreadable
from xstilts.core.atomic_io import fsync, set_usual_permissions, write_json
from xstilts.core.dropped import differing_files, is_dropped
from xstilts.core.errors import DiskFullError, StoreError
from xstilts.core.fault_injection import fault
from xstilts.core.hashing import digest_of_file, with_digest
from xstilts.core.journal import Journal
from xstilts.core.leases import Lease, LeaseLost, Leases
from xstilts.core.locks import is_locked
from xstilts.core.notices import notice
from xstilts.core.stage import Stage
from xstilts.core.store_layout import (
    FEATURES,
    FOLDERS,
    KEY,
    LEASES,
    NEW_FOLDER,
    STAGED,
    check_layout,
    is_store,
    mark,
    own_folders,
    remove_folder,
)
from xstilts.core.unique_number import unique_number
from xstilts.core.warn_once import warn_once

FULL = (errno.ENOSPC, errno.EDQUOT)
logger = logging.getLogger(__name__)


class Store:
    """A folder of artifacts. Several processes may use one at the same time.

    Raises:
        StoreError: the folder cannot be created or written.
    """

    def __init__(self, root: Path | str) -> None:
        self.root = Path(root).expanduser().absolute()
        self.artifacts_folder = f"{self.root}/artifacts"
        self.journal = Journal(self.root / "journal.jsonl")
        self.leases = Leases(self.root / LEASES)

    def check(self, todo: str = NEW_FOLDER) -> Store:
        """Check that the folder is a store, or that it does not exist or is empty.

        Args:
            todo: what to do if it is none.

        Raises:
            StoreError: it holds something else, or is a store of a newer version.
        """
        check_layout(self.root, todo)
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
        except FileExistsError as error:
            raise StoreError(
                f"{error.filename} is not a folder",
                todo="move it away, or give another folder with --store",
            ) from error
        except OSError as error:
            raise StoreError(
                f"the store {self.root} cannot be written: {error.strerror}",
                todo="give another folder with --store, or fix its permissions",
            ) from error
        return self

    def artifact(self, key: str) -> Artifact:
        """The artifact of that key, which need not exist."""
        return Artifact(key, self.artifacts_folder)

    def has(self, key: str) -> bool:
        """Whether the artifact exists and all its files have their sizes."""
        return self.get_valid(key) is not None

    def look_again(self) -> None:
        """Let a network file system look for artifacts that other machines have published.

        It may remember for a minute that one is missing, unless its folder is opened.
        """
        with store_errors(self.root), os.scandir(self.artifacts_folder):
            pass

    def get_valid(self, key: str) -> Artifact | None:
        """The artifact, if it exists and all its files have their sizes; damage is logged.

        Raises:
            StoreError: it cannot be read.
        """
        artifact = self.artifact(key)
        if is_dropped(artifact):
            return None
        try:
            artifact.check_sizes()
        except DamagedArtifact as error:
            if os.path.lexists(artifact.path):
                warn_once(logger, "%s", error)
            return None
        return artifact

    def get_finished(self, key: str) -> Artifact | None:
        """The artifact, if it is valid, or was until files that nothing needed were dropped.

        Its facts can be read, and its small files.
        """
        return self.get_valid(key) or self.get_dropped(key)

    def get_dropped(self, key: str) -> Artifact | None:
        """The artifact, if files of it were dropped and its manifest can be read."""
        artifact = self.artifact(key)
        if not is_dropped(artifact):
            return None
        try:
            artifact.manifest  # noqa: B018 - reads it
        except DamagedArtifact as error:
            warn_once(logger, "%s", error)
            return None
        return artifact

    def read(self, key: str, name: str) -> bytes:
        """The bytes of an artifact's file, verified; a damaged artifact is quarantined.

        Raises:
            DamagedArtifact: the file is missing, or not what was published.
            StoreError: the same, in a store that cannot be written.
        """
        try:
            return self.artifact(key).read(name)
        except DamagedArtifact as damage:
            try:
                self.quarantine(key)
            except StoreError as error:
                raise StoreError(
                    damage.what, todo=f"remove artifacts/{key} and run again: {error.what}"
                ) from damage
            raise

    def lock_path(self, key: str) -> Path:
        """The lock file of tokenized features, whose stages have no lease."""
        return self.root / "locks" / f"{key}.lock"

    def checkpoint_path(self, key: str) -> Path:
        """The folder for a stage's own checkpoints; removed when the stage is published."""
        return self.root / "checkpoints" / key

    @contextmanager
    def staging(self, key: str) -> Iterator[Path]:
        """An empty folder for a stage's files, removed after the block unless published."""
        path = self.root / "staging" / f"{key}.{unique_number()}"
        remove_folder(path)
        try:
            path.mkdir(parents=True)
            yield path
        except Exception as error:
            if is_full(error) or _is_inside(error, path):
                raise to_store_error(error, self.root) from error
            raise
        finally:
            remove_folder(path)

    def publish(
        self,
        stage: Stage,
        staged: Path,
        facts: Mapping[str, Any],
        provenance: Mapping[str, Any],
        lease: Lease | None = None,
    ) -> Artifact:
        """Turn a staging folder into the stage's artifact by one rename.

        Files are synced before the manifest is written, and the manifest before the rename, so
        that a visible artifact is complete. If another process published the same key first,
        its artifact stays and this one is dropped.

        Args:
            lease: of the stage; nothing is published if it was lost.

        Raises:
            LeaseLost: another process has taken over the stage.
            StoreError: the store cannot be written.
        """
        artifact = self.artifact(stage.key)
        try:
            fault("store.before_files_synced")
            files = {}
            for path in sorted(p for p in staged.rglob("*") if p.is_file()):
                set_usual_permissions(path)
                fsync(path)
                name = path.relative_to(staged).as_posix()
                files[name] = {"bytes": path.stat().st_size, "sha256": digest_of_file(path)}
            self._compare_with_dropped(stage.key, files)
            fault("store.before_manifest")
            manifest = {
                "key": stage.key,
                "stage": stage.to_json(),
                "files": files,
                "facts": dict(facts),
                "provenance": {**provenance, "published": round(time.time(), 3)},
            }
            write_json(staged / MANIFEST, with_digest(manifest))
            fault("store.before_rename")
            if lease and not lease.is_held:
                raise LeaseLost
            self._publish_by_rename(staged, artifact)
            fault("store.after_rename")
        except OSError as error:
            raise to_store_error(error, self.root) from error
        remove_folder(self.checkpoint_path(stage.key))
        return artifact

    def _publish_by_rename(self, staged: Path, artifact: Artifact) -> None:
        if self.get_dropped(artifact.key):
            self._remove_dropped(artifact)
        elif artifact.path.exists() and not self.has(artifact.key):
            self.quarantine(artifact.key)
        try:
            staged.rename(artifact.path)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
        fsync(artifact.path.parent)

    def _compare_with_dropped(self, key: str, files: Mapping[str, Any]) -> None:
        """Report files that differ from those that were dropped, as those of another device may."""
        dropped = self.get_dropped(key)
        if dropped and (differing := differing_files(dropped, files)):
            self.journal.write("differs", key=key, files=differing)
            notice(
                f"{', '.join(differing)}: not the bytes that were dropped, which earlier results "
                "were computed from; another kind of device or version gives others"
            )

    def _remove_dropped(self, artifact: Artifact) -> None:
        """Remove a dropped artifact, which is about to be replaced by a complete one."""
        target = self.root / "staging" / f"{artifact.key}.{unique_number()}"
        artifact.path.rename(target)
        remove_folder(target)

    def quarantine(self, key: str) -> None:
        """Move a damaged artifact to `damaged/`, to be inspected or deleted by a person.

        Raises:
            StoreError: the store cannot be written.
        """
        path = self.artifact(key).path
        if os.path.lexists(path):
            moved = self.set_aside(path, key)
            with store_errors(self.root):
                self.journal.write("damaged", key=key, moved_to=moved)

    def set_aside(self, path: Path, name: str) -> str:
        """Move something damaged to `damaged/`, and return its new path in the store.

        Raises:
            StoreError: the store cannot be written.
        """
        target = self.root / "damaged" / f"{name}.{time.time_ns()}"
        with store_errors(self.root):
            target.parent.mkdir(parents=True, exist_ok=True)
            path.rename(target)
        return target.relative_to(self.root).as_posix()

    def keys(self) -> list[str]:
        """Keys of all artifacts, sorted; including damaged ones."""
        return self.names("artifacts")

    def stopped(self) -> list[str]:
        """Keys of all stages with a checkpoint, sorted."""
        return self.names("checkpoints")

    def names(self, folder: str) -> list[str]:
        """Names of a folder's entries, sorted; none without the folder.

        Raises:
            StoreError: it cannot be read.
        """
        path = self.root / folder
        try:
            return sorted(os.listdir(path))
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise unreadable(path, error) from error

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
            with self.leases.hold(key) as lease:
                if isinstance(lease, Lease) and not is_locked(self.lock_path(key)):
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


def _is_inside(error: Exception, folder: Path) -> bool:
    """Whether the operating system refused a file of a folder."""
    name = error.filename if isinstance(error, OSError) else None
    return isinstance(name, str | os.PathLike) and Path(name).is_relative_to(folder)


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
        return DiskFullError(
            f"the disk of the store {root} is full",
            todo="free some space and run again; finished stages are kept",
        )
    file = str(error.filename) if isinstance(error, OSError) and _is_inside(error, root) else None
    return StoreError(
        f"the store {root} cannot be written: {getattr(error, 'strerror', None) or error}",
        where=file,
        todo="fix its permissions or give another folder with --store, then run again",
    )
