"""A finished stage's files and manifest, verified when they are read."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from pydantic_core import from_json

from xstilts.core.condensed_manifest import KEY_PARTS, CondensedManifest, condensed
from xstilts.core.errors import StoreError, XstiltsError
from xstilts.core.hashing import CHUNK, DIGEST, digest_of, digest_of_file, without_digest
from xstilts.core.stage import Stage

MANIFEST = "manifest.json"
PARTS = ("files", "facts", "stage", "provenance")
ABSENT = (FileNotFoundError, NotADirectoryError, IsADirectoryError)


class DamagedArtifact(XstiltsError):
    """A file of an artifact is missing or differs from the published one."""

    exit_code = 4

    def __init__(self, key: str, file: str, problem: str) -> None:
        self.key = key
        super().__init__(
            f"artifact {key[:12]}: {file} {problem}",
            todo="run again: the artifact is quarantined and rebuilt",
        )


@dataclass(frozen=True, slots=True)
class Artifact:
    """A finished stage's directory.

    An error of the operating system other than a missing file is no damage: it is a StoreError.

    Args:
        parent: the folder in which its own is; shared by many, and therefore not part of a path
            of each.
        name: of its own folder; the key by default.
    """

    key: str
    parent: str | Path
    name: str = ""
    _read: Mapping[str, Any] | None = field(default=None, init=False, repr=False, compare=False)

    @property
    def path(self) -> Path:
        """The folder."""
        return Path(self.folder)

    @property
    def folder(self) -> str:
        """The folder as text, which takes a fraction of the time of a path."""
        return f"{self.parent}/{self.name or self.key}"

    @property
    def manifest(self) -> Mapping[str, Any]:
        """The manifest: stage, files with size and SHA-256, facts, provenance; read once."""
        if self._read is None:
            object.__setattr__(self, "_read", self._read_manifest())
        assert self._read is not None
        return self._read

    def _read_manifest(self) -> Mapping[str, Any]:
        try:
            data = read_file(f"{self.folder}/{MANIFEST}")
        except OSError as error:
            raise self._read_error(MANIFEST, error) from error
        return checked_manifest(self.key, data)

    def condense(self, stage: Stage) -> None:
        """Let the manifest in memory refer to the stage, which it describes."""
        object.__setattr__(self, "_read", condensed(self.manifest, stage))

    @property
    def facts(self) -> dict[str, Any]:
        """The facts that the stage returned."""
        return dict(self.manifest["facts"])

    @property
    def seconds(self) -> float:
        """Seconds that the stage took on one core, or on a GPU; 0 if not recorded.

        Those of several devices are added up.
        """
        provenance = self.manifest["provenance"]
        times = [float(provenance.get(name) or 0) for name in ("seconds", "processor_seconds")]
        return max(times) * int(provenance.get("devices") or 1)

    def __truediv__(self, name: str) -> Path:
        return self.path / name

    def read(self, name: str) -> bytes:
        """The bytes of a file, after a comparison with its published digest.

        Raises:
            DamagedArtifact: it is missing, or not what was published.
        """
        try:
            data = (self.path / name).read_bytes()
        except OSError as error:
            raise self._read_error(name, error) from error
        published = self.manifest["files"].get(name, {}).get("sha256")
        if hashlib.sha256(data).hexdigest() != published:
            raise DamagedArtifact(self.key, name, "differs from the published file")
        return data

    def published_digest(self, name: str) -> str:
        """SHA-256 with which a file was published.

        Raises:
            DamagedArtifact: the manifest is damaged, or has no such file.
        """
        entry = self.manifest["files"].get(name)
        if entry is None:
            raise DamagedArtifact(self.key, MANIFEST, f"does not list {name}")
        return str(entry["sha256"])

    def check_sizes(self) -> None:
        """Raise DamagedArtifact unless every file exists with its size (fast)."""
        for name, entry in self.manifest["files"].items():
            try:
                size = os.stat(f"{self.folder}/{name}").st_size
            except OSError as error:
                raise self._read_error(name, error) from error
            if size != entry["bytes"]:
                raise DamagedArtifact(self.key, name, f"has {size} bytes, not {entry['bytes']}")

    def check_digests(self) -> None:
        """Raise DamagedArtifact unless every file has its size and SHA-256 (reads all).

        The stage in the manifest must be the one of the key as well.
        """
        self.check_sizes()
        if not _describes(self.manifest, self.key):
            raise DamagedArtifact(self.key, MANIFEST, "describes another stage")
        for name, entry in self.manifest["files"].items():
            try:
                digest = _digest_of(f"{self.folder}/{name}", entry["bytes"])
            except OSError as error:
                raise self._read_error(name, error) from error
            if digest != entry["sha256"]:
                raise DamagedArtifact(self.key, name, "differs from the published file")

    def _read_error(self, name: str, error: OSError) -> XstiltsError:
        """Damage if a file is missing; else an error of the operating system."""
        if isinstance(error, ABSENT):
            return DamagedArtifact(self.key, name, "is missing")
        return unreadable(self.path / name, error)


def read_file(path: str) -> bytes:
    """The bytes of a small file; in half the time of `Path.read_bytes`."""
    with open(path, "rb", buffering=0) as file:
        return file.readall()


def unreadable(path: Path, error: OSError) -> StoreError:
    """The error for a file of a store that the operating system cannot read."""
    return StoreError(
        f"{path} cannot be read: {error.strerror or error}",
        todo="fix its permissions or the disk; nothing was removed",
    )


def checked_manifest(key: str, data: bytes) -> dict[str, Any]:
    """The manifest in these bytes.

    Raises:
        DamagedArtifact: it is not JSON, incomplete, of another key, or not what was published.
    """
    try:
        manifest = _json_object(data)
    except (ValueError, RecursionError) as error:
        raise DamagedArtifact(key, MANIFEST, f"cannot be read: {error}") from error
    if problem := _problem(key, manifest):
        raise DamagedArtifact(key, MANIFEST, problem)
    return manifest


def _json_object(data: bytes) -> dict[str, Any]:
    """The JSON object in these bytes, without its digest, which was checked.

    pydantic's parser takes half the time, and manifests then share the names in them. It refuses
    lone surrogates, which Python's reads; what it has parsed counts only if the digest fits.

    Raises:
        ValueError, RecursionError: it is no JSON object, or not what was written.
    """
    with suppress(ValueError):
        written = from_json(data)
        if isinstance(written, dict) and DIGEST in written:
            return without_digest(written)
    written = json.loads(data)
    if not isinstance(written, dict):
        raise ValueError("it is not a JSON object")
    return without_digest(written)


def _problem(key: str, manifest: Mapping[str, Any]) -> str:
    """What is wrong with a manifest; empty if nothing is."""
    if manifest.get("key") != key:
        return f"is that of another artifact, {str(manifest.get('key'))[:12]}"
    if wrong := [name for name in PARTS if not isinstance(manifest.get(name), dict)]:
        return f"has no valid {', '.join(wrong)}"
    if not all(_is_file_entry(name, entry) for name, entry in manifest["files"].items()):
        return "lists invalid files"
    return ""


def _describes(manifest: Mapping[str, Any], key: str) -> bool:
    """Whether the stage in a manifest has a key; see `core.stage.Stage.key`."""
    if isinstance(manifest, CondensedManifest) and manifest.describes_its_key:
        return bool(manifest["key"] == key)
    stage = manifest["stage"]
    try:
        return digest_of({name: stage.get(name) for name in KEY_PARTS}) == key
    except ValueError:  # NaN, which no parameter is
        return False


def _digest_of(path: str, size: int) -> str:
    """SHA-256 of a file's bytes."""
    if size <= CHUNK:
        return hashlib.sha256(read_file(path)).hexdigest()
    return digest_of_file(Path(path))


def _is_file_entry(name: str, entry: Any) -> bool:
    """Whether a manifest's file lies in the artifact's folder and has its size and digest."""
    return (
        isinstance(entry, dict)
        and isinstance(entry.get("bytes"), int)
        and isinstance(entry.get("sha256"), str)
        and not name.startswith("/")
        and (".." not in name or ".." not in PurePosixPath(name).parts)
    )
