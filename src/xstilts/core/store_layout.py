"""What a store's folder contains: its marker, and the names that a store gives its entries.

A folder with the marker file is a store. A folder without it is one if it is empty, or if it was
made by a version without the marker: it then has `artifacts/` and no entry under a name that a
store does not give; next to its folders, other entries are accepted if it has an artifact. Any
other folder is refused. Only entries with a store's names are ever
removed, and no symbolic link is followed to remove something.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path

from xstilts.core.errors import StoreError

MARKER = "xstilts-store.json"
LAYOUT = 1
"""Version of the layout; a store with a higher one was made by a newer version of the package."""
LEASES = "leases"
FOLDERS = ("artifacts", "staging", "checkpoints", "locks", LEASES, "experiments", "damaged")
FEATURES = "features"
PINS = "pins"
GAINS = "gains"
OTHER_NAMES = (
    FEATURES, GAINS, PINS, "plans", "slurm", "studies", "tracking", "journal.jsonl", "worker.log",
)  # fmt: skip
KEY = re.compile(r"[0-9a-f]{64}")
STAGED = re.compile(rf"({KEY.pattern})\.\d+")
"""KEY.PROCESS"""
PIN = re.compile(r"[0-9a-f]{16}\.json")
ENTRY_NAMES = {
    "artifacts": KEY,
    "staging": re.compile(rf"{STAGED.pattern}|\.probe\.\d+"),
    "checkpoints": KEY,
    LEASES: KEY,
    "locks": re.compile(rf"{KEY.pattern}\.lock"),
    "experiments": re.compile(r"\.?.+@[0-9a-f]{8,}(-[0-9a-f]{8,})?\.json(\.\d+)?"),
    "damaged": re.compile(r".+\.\d+"),
    GAINS: re.compile(r"\.?.+@[0-9a-f]{8,}(-languages)?\.json(\.\d+)?"),
    PINS: re.compile(rf"{PIN.pattern}|\.{PIN.pattern}\.\d+"),
}
"""Folder → names that a store gives the entries of this folder."""
SAMPLE = 9
"""Artifacts that are read until a valid one is found."""
NEW_FOLDER = "give the folder of a store, or an empty or new one, with --store"
"""What to do about a folder that is no store, to a command that makes one."""
OWN_FOLDER = "give the folder of a store with --store, or in XSTILTS_STORE"
"""The same, to a command that reads a store."""
IGNORED = (".DS_Store", "Thumbs.db", "desktop.ini")
"""Files that file browsers create."""


def check_layout(root: Path, todo: str = NEW_FOLDER) -> None:
    """Check that a folder is a store, or does not exist or is empty.

    Args:
        todo: what to do if it is none.

    Raises:
        StoreError: it is neither, it is a store of a newer version, or it cannot be read.
    """
    try:
        if not root.is_dir():
            if os.path.lexists(root):
                raise StoreError(f"the store {root} is not a folder", todo=todo)
            return
        if is_marked(root):
            _check_version(root)
            return
        foreign = next(foreign_entries(root), None)
    except OSError as error:
        raise StoreError(
            f"the store {root} cannot be read: {error.strerror}", todo="fix its permissions"
        ) from error
    if foreign is not None:
        raise StoreError(
            f"{root} is not a store: it contains {foreign} and no {MARKER}",
            todo=f"{todo}; move the entry elsewhere if it is a store of an earlier version",
        )


def is_marked(root: Path) -> bool:
    """Whether a folder has the marker of a store."""
    path = root / MARKER
    return path.is_file() and not path.is_symlink()


def is_store(root: Path) -> bool:
    """Whether a folder is a store, with or without the marker."""
    return root.is_dir() and (is_marked(root) or next(foreign_entries(root), None) is None)


def mark(root: Path) -> None:
    """Write the marker unless it exists.

    Its existence is what counts, so that a marker that was cut short marks the store as well.
    """
    with suppress(FileExistsError), (root / MARKER).open("x", encoding="utf-8") as file:
        file.write(json.dumps({"layout": LAYOUT}) + "\n")


def foreign_entries(root: Path) -> Iterator[str]:
    """Yield the entries that a store does not make; none for an empty folder."""
    names = [path.name for path in root.iterdir() if path.name not in IGNORED]
    if not _has_artifact(root):  # else they may be reports of an earlier version's store
        yield from sorted(name for name in names if name not in (*FOLDERS, *OTHER_NAMES))
    if names and "artifacts" not in names:
        yield sorted(names)[0]
    for folder, pattern in ENTRY_NAMES.items():
        if folder not in names:
            continue
        if not (root / folder).is_dir():
            yield folder
            continue
        for name in os.listdir(root / folder):  # much faster than `iterdir` in a large store
            if not pattern.fullmatch(name) and name not in IGNORED:
                yield f"{folder}/{name}"


def _has_artifact(root: Path) -> bool:
    """Whether a folder has an artifact of a store: one whose manifest names its own folder."""
    folder = root / "artifacts"
    names = filter(KEY.fullmatch, os.listdir(folder) if folder.is_dir() else ())
    return any(_names_itself(folder / name) for name in islice(names, SAMPLE))


def _names_itself(artifact: Path) -> bool:
    try:
        manifest = json.loads((artifact / "manifest.json").read_bytes())
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(manifest, dict) and manifest.get("key") == artifact.name


def _check_version(root: Path) -> None:
    try:
        layout = json.loads((root / MARKER).read_text(encoding="utf-8"))["layout"]
    except (ValueError, TypeError, KeyError):
        return
    if isinstance(layout, int) and layout > LAYOUT:
        raise StoreError(
            f"the store {root} was made by a newer version of xstilts (layout {layout})",
            todo="update xstilts, or give another folder with --store",
        )


def own_folders(parent: Path, pattern: re.Pattern[str]) -> list[Path]:
    """Folders in `parent` whose names a store gives; empty if `parent` is a symbolic link."""
    if parent.is_symlink() or not parent.is_dir():
        return []
    return sorted(
        path
        for path in parent.iterdir()
        if pattern.fullmatch(path.name) and path.is_dir() and not path.is_symlink()
    )


def remove_folder(path: Path) -> None:
    """Remove a folder of the store as far as possible; a symbolic link stays, and its target."""
    if not path.is_symlink() and not path.parent.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
