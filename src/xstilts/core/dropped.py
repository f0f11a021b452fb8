"""Artifacts whose large files were removed to free disk, once nothing needed them.

A dropped artifact keeps its manifest, its small files, and the marker `dropped.json`, which names
the removed files and says why. The marker is on the disk before the first file goes, so that a
crash at any moment leaves an artifact that is complete or dropped; the next run removes the rest.
Such a stage counts as done until another stage needs its files: then it is run again, and gives the
same files.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Mapping
from typing import Any

from xstilts.core.artifact import Artifact, DamagedArtifact
from xstilts.core.atomic_io import fsync, write_json
from xstilts.core.fault_injection import fault
from xstilts.core.hashing import with_digest, without_digest

DROPPED = "dropped.json"
WHY_AGAIN = "its files were dropped"
"""Why a dropped stage is to do."""
DAMAGE = (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError)


def is_dropped(artifact: Artifact) -> bool:
    """Whether files of an artifact were removed; the marker's existence is what counts."""
    return os.path.lexists(f"{artifact.folder}/{DROPPED}")


def drop(artifact: Artifact, names: Iterable[str], why: str) -> int:
    """Remove files of a complete artifact, after a marker that says so; return the bytes freed.

    The caller holds the lease of the artifact's stage.

    Args:
        names: of files in the manifest.
        why: in words, for people.

    Raises:
        OSError: the folder cannot be written.
    """
    removed = sorted(set(names) & artifact.manifest["files"].keys())
    marker = {"files": removed, "why": why, "dropped": round(time.time(), 3)}
    fault("drop.before_marker")
    write_json(artifact.path / DROPPED, with_digest(marker))
    fault("drop.after_marker")
    return finish_drop(artifact)


def finish_drop(artifact: Artifact) -> int:
    """Remove what the marker names and is still there; return the bytes freed.

    Raises:
        DamagedArtifact: marker or manifest cannot be read.
        OSError: the folder cannot be written.
    """
    freed = 0
    for name in dropped_files(artifact):
        path = artifact.path / name
        if os.path.lexists(path):
            freed += path.lstat().st_size
            path.unlink()
            fault("drop.after_file")
    if freed:
        fsync(artifact.path)
    return freed


def dropped_files(artifact: Artifact) -> list[str]:
    """The names of the files that were removed, or are about to be.

    Raises:
        DamagedArtifact: marker or manifest cannot be read.
    """
    try:
        marker: dict[str, Any] = without_digest(json.loads((artifact.path / DROPPED).read_bytes()))
        names = sorted(map(str, marker["files"]))
    except DAMAGE as error:
        raise DamagedArtifact(artifact.key, DROPPED, f"cannot be read: {error}") from error
    return [name for name in names if name in artifact.manifest["files"]]


def kept_files(artifact: Artifact) -> list[str]:
    """The names of the files that a dropped artifact still has.

    Raises:
        DamagedArtifact: marker or manifest cannot be read.
    """
    return sorted(artifact.manifest["files"].keys() - set(dropped_files(artifact)))


def differing_files(artifact: Artifact, again: Mapping[str, Any]) -> list[str]:
    """The names of files that a stage wrote otherwise, or not, when it was run again; sorted.

    Files that it did not write before are none of them: a later version may write more.

    Args:
        again: name → size and digest.
    """
    before = artifact.manifest["files"]
    return sorted(name for name in before if before[name] != again.get(name))
