"""The entries of a store that are to be read by a verification, and those that are foreign."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from xstilts.core.artifact import MANIFEST, Artifact, DamagedArtifact
from xstilts.core.dropped import DROPPED, dropped_files, is_dropped
from xstilts.core.hashing import digest_of_file
from xstilts.core.store_layout import (
    ENTRY_NAMES,
    FOLDERS,
    IGNORED,
    MARKER,
    OTHER_NAMES,
)


def check_artifact(artifact: Artifact) -> None:
    """Read every file of an artifact; of one whose files were dropped, those that are left.

    Raises:
        DamagedArtifact: a file is missing, or not what was published.
        StoreError: the operating system cannot read one.
    """
    if not is_dropped(artifact):
        artifact.check_digests()
        return
    dropped = set(dropped_files(artifact))
    for name, entry in artifact.manifest["files"].items():
        if name not in dropped:
            try:
                digest = digest_of_file(artifact.path / name)
            except FileNotFoundError as error:
                raise DamagedArtifact(artifact.key, name, "is missing") from error
            if digest != entry["sha256"]:
                raise DamagedArtifact(artifact.key, name, "differs from the published file")


def foreign_paths(root: Path) -> Iterator[str]:
    """Yield paths in a store that no store writes; they are never touched."""
    known = {MARKER, *FOLDERS, *OTHER_NAMES, *IGNORED}
    for name in sorted(os.listdir(root)):
        path = root / name
        if name not in known or path.is_symlink():
            yield name
        elif pattern := ENTRY_NAMES.get(name):
            for entry in sorted(os.listdir(path)) if path.is_dir() else ():
                is_known = pattern.fullmatch(entry) or entry in IGNORED
                if not is_known or (path / entry).is_symlink():
                    yield f"{name}/{entry}"


def foreign_files(artifact: Artifact) -> list[str]:
    """Files in an artifact's folder that its manifest does not list.

    Raises:
        DamagedArtifact: the manifest cannot be read.
        OSError: the folder cannot be read.
    """
    known = {MANIFEST, DROPPED, *artifact.manifest["files"], *IGNORED}
    files = (path for path in artifact.path.rglob("*") if path.is_symlink() or path.is_file())
    names = sorted(path.relative_to(artifact.path).as_posix() for path in files)
    return [name for name in names if name not in known]
