"""Garbage of a store: what no process works on and no experiment needs.

Only entries under a store's own names are garbage, and no symbolic link is followed. Finding it
writes nothing. An artifact, checkpoint or staging folder is removed while its stage's lease is
held; folders are renamed into `staging/` first, so that a crash leaves garbage and nothing half.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from xstilts.core.fault_injection import fault
from xstilts.core.leases import Lease
from xstilts.core.locks import is_locked
from xstilts.core.store import Store, store_errors
from xstilts.core.store_layout import (
    ENTRY_NAMES,
    FEATURES,
    KEY,
    LEASES,
    STAGED,
    is_store,
    own_folders,
    remove_folder,
)
from xstilts.core.unique_number import unique_number

DAY = 86_400.0
NO_STAGE = "0" * 64
"""In the name of a folder in `staging/` that belongs to no stage."""


class GarbageKind(StrEnum):
    """Why an entry of a store is garbage."""

    LEASE = "leases of ended processes"
    STAGING = "staging of ended processes"
    CHECKPOINT = "checkpoints of finished stages"
    ORPHAN_CHECKPOINT = "checkpoints that no experiment needs"
    DAMAGED = "damaged files that were set aside"
    ORPHAN = "artifacts that no experiment needs"
    FEATURES = "prepared features without their data or encoder"
    FORGOTTEN = "records and studies of a forgotten experiment"
    GAINS = "gain tables of experiments without a record"


UNNEEDED = (GarbageKind.ORPHAN, GarbageKind.ORPHAN_CHECKPOINT, GarbageKind.FEATURES)


@dataclass(frozen=True)
class Garbage:
    """An entry of a store that is to be removed.

    Args:
        path: in the store.
        bytes: of its files that have no other hard link.
        key: of its stage; empty if it has none.
    """

    kind: GarbageKind
    path: str
    bytes: int
    key: str = ""


@dataclass(frozen=True)
class Kept:
    """What must stay.

    Args:
        needed: keys of stages that experiments and studies need.
        pinned: keys of pinned stages.
        older_than: seconds; younger artifacts, features and damaged files stay.
        forgotten: keys of stages that only a forgotten experiment needs, of any age.
    """

    needed: Collection[str]
    pinned: Collection[str]
    older_than: float = DAY
    forgotten: Collection[str] = ()

    def leaves(self, key: str, age: float) -> bool:
        """Whether a stage's files may go, `age` seconds after they came."""
        if key in self.needed or key in self.pinned:
            return False
        return key in self.forgotten or age >= self.older_than


def find_garbage(store: Store, kept: Kept, now: float | None = None) -> list[Garbage]:
    """The garbage of a store, in the order in which it can be removed.

    Args:
        now: seconds since the epoch.

    Raises:
        StoreError: the store cannot be read.
    """
    now = time.time() if now is None else now
    with store_errors(store.root):
        found = list(_garbage(store, kept, now))
        features = store.root / FEATURES
        if not features.is_symlink() and is_store(features):
            removed = {entry.key for entry in found if entry.kind is GarbageKind.ORPHAN}
            nested = Store(features)
            found += _temporary(nested, now)
            found += _damaged(nested, kept, now)
            found += _leftover_features(nested, store, removed, kept, now)
        return [_relative(entry, store.root) for entry in found]


def _garbage(store: Store, kept: Kept, now: float) -> Iterator[Garbage]:
    yield from _temporary(store, now)
    held = _held(store, now)
    yield from _checkpoints(store, kept, held, now)
    yield from _damaged(store, kept, now)
    for path in own_folders(store.root / "artifacts", KEY):
        key = path.name
        if key not in held and kept.leaves(key, _age(path, now)):
            yield Garbage(GarbageKind.ORPHAN, str(path), disk_bytes(path), key)


def _temporary(store: Store, now: float) -> Iterator[Garbage]:
    """Leases and staging folders of ended processes."""
    for path in own_folders(store.root / LEASES, KEY):
        if not store.leases.is_held(path.name, now=now):
            yield Garbage(GarbageKind.LEASE, str(path), disk_bytes(path), path.name)
    for path in own_folders(store.root / "staging", STAGED):
        key = path.name.partition(".")[0]
        if not store.leases.is_held(key, now=now) and not is_locked(store.lock_path(key)):
            yield Garbage(GarbageKind.STAGING, str(path), disk_bytes(path), key)


def _checkpoints(store: Store, kept: Kept, held: Collection[str], now: float) -> Iterator[Garbage]:
    for path in own_folders(store.root / "checkpoints", KEY):
        key = path.name
        if key in held:
            continue
        if store.has(key):
            yield Garbage(GarbageKind.CHECKPOINT, str(path), disk_bytes(path), key)
        elif kept.leaves(key, _age(path, now)):
            yield Garbage(GarbageKind.ORPHAN_CHECKPOINT, str(path), disk_bytes(path), key)


def _damaged(store: Store, kept: Kept, now: float) -> Iterator[Garbage]:
    folder = store.root / "damaged"
    if folder.is_symlink() or not folder.is_dir():
        return
    for name in sorted(filter(ENTRY_NAMES["damaged"].fullmatch, os.listdir(folder))):
        path = folder / name
        if not path.is_symlink() and _age(path, now) >= kept.older_than:
            yield Garbage(GarbageKind.DAMAGED, str(path), disk_bytes(path))


def _leftover_features(
    nested: Store, store: Store, removed: Collection[str], kept: Kept, now: float
) -> Iterator[Garbage]:
    """Prepared features of an artifact that is gone, or about to be."""
    for path in own_folders(nested.root / "artifacts", KEY):
        artifact = nested.get_finished(path.name)
        if artifact is None or _age(path, now) < kept.older_than:
            continue
        inputs = set(artifact.manifest["stage"].get("inputs", {}).values())
        if inputs & set(removed) or any(not store.artifact(key).path.is_dir() for key in inputs):
            yield Garbage(GarbageKind.FEATURES, str(path), disk_bytes(path), path.name)


def _held(store: Store, now: float) -> set[str]:
    """Keys of stages that a process works on."""
    folders = own_folders(store.root / LEASES, KEY)
    return {path.name for path in folders if store.leases.is_held(path.name, now=now)}


def _relative(entry: Garbage, root: Path) -> Garbage:
    path = Path(entry.path).relative_to(root).as_posix()
    return Garbage(entry.kind, path, entry.bytes, entry.key)


def _age(path: Path, now: float) -> float:
    """Seconds since an entry was changed, moved or copied to its place; 0 if it has gone."""
    try:
        status = path.lstat()
    except FileNotFoundError:
        return 0.0
    return now - max(status.st_mtime, status.st_ctime)


def disk_bytes(path: Path) -> int:
    """Bytes of the files below a path that have no other hard link; links are not followed."""
    try:
        status = path.lstat()
        if not stat.S_ISDIR(status.st_mode):
            return status.st_size if status.st_nlink == 1 else 0
        return sum(disk_bytes(entry) for entry in path.iterdir())
    except FileNotFoundError:  # removed by another process just now
        return 0


def remove_garbage(
    store: Store,
    entries: Collection[Garbage],
    on_removed: Callable[[Garbage], None],
    now: float | None = None,
    is_current: Callable[[], bool] = lambda: True,
) -> list[Garbage]:
    """Remove garbage; return what stayed, because a process has begun to use it.

    Args:
        now: seconds since the epoch.
        is_current: whether what is needed is still what it was when the garbage was found; if
            not, what no experiment needed stays.

    Raises:
        StoreError: the store cannot be written.
    """
    stayed = list[Garbage]()
    with store_errors(store.root):
        for entry in entries:
            fault("gc.before_removal")
            is_known = entry.kind not in UNNEEDED or is_current()
            if is_known and _remove(store, entry, now):
                on_removed(entry)
            else:
                stayed.append(entry)
            fault("gc.after_removal")
    return stayed


def _remove(store: Store, entry: Garbage, now: float | None) -> bool:
    """Remove an entry; whether it is gone."""
    path = store.root / entry.path
    if _has_link(path, store.root):
        return False
    if not path.is_dir():
        path.unlink(missing_ok=True)
        if entry.path.startswith("studies/"):
            _remove_empty(path.parent, path.parent.parent)
        return True
    in_features = entry.path.startswith(f"{FEATURES}/")
    owner = Store(store.root / FEATURES) if in_features else store
    if entry.kind is GarbageKind.LEASE:
        return _remove_lease(owner, path, now)
    if not entry.key:
        _rename_and_remove(owner, path, NO_STAGE)
        return True
    with owner.leases.hold(entry.key) as lease:
        if not isinstance(lease, Lease) or is_locked(owner.lock_path(entry.key)):
            return False
        _rename_and_remove(owner, path, entry.key)
    return True


def _remove_empty(*folders: Path) -> None:
    """Remove folders, each inside the next, up to the first that is not empty."""
    with suppress(OSError):
        for folder in folders:
            folder.rmdir()


def _has_link(path: Path, root: Path) -> bool:
    """Whether a path in a store goes through a symbolic link."""
    parts = (path, *path.parents)
    return any(part.is_symlink() for part in parts[: len(path.relative_to(root).parts)])


def _rename_and_remove(store: Store, path: Path, key: str) -> None:
    target = store.root / "staging" / f"{key}.{unique_number()}"
    if path.parent != target.parent:
        target.parent.mkdir(exist_ok=True)
        path.rename(target)
        fault("gc.after_rename")
    else:
        target = path
    remove_folder(target)


def _remove_lease(store: Store, folder: Path, now: float | None) -> bool:
    """Remove the files of a stage's leases, and their folder if it has no others."""
    names = list(filter(str.isdecimal, os.listdir(folder)))
    if store.leases.is_held(folder.name, now=now):
        return False
    for name in names:  # not one that was created meanwhile
        (folder / name).unlink(missing_ok=True)
    try:
        folder.rmdir()
    except OSError:  # a process has begun to work on the stage, or a foreign file lies there
        return False
    return True
