"""A manifest in memory that refers to the stage of a plan instead of repeating it.

A command on a large store keeps all manifests. As the JSON that they are on the disk they would
take three times the memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from xstilts.core.stage import Stage

NAMES = ("key", "stage", "files", "facts", "provenance")
FILE = {"bytes", "sha256"}


@dataclass(frozen=True, slots=True, eq=False)
class CondensedManifest(Mapping[str, Any]):
    """A manifest; its parts `stage` and `files` are built when they are read.

    Args:
        own: values of the manifest's stage that differ from the plan's.
        published: name, size and SHA-256 of each file.
    """

    stage: Stage
    own: Mapping[str, Any]
    published: tuple[tuple[str, int, bytes], ...]
    facts: Mapping[str, Any]
    provenance: Mapping[str, Any]

    def __getitem__(self, name: str) -> Any:
        if name == "stage":
            return {**_json(self.stage), **self.own}
        if name == "files":
            return {
                file: {"bytes": size, "sha256": digest.hex()}
                for file, size, digest in self.published
            }
        if name == "key":
            return self.stage.key
        if name in NAMES:
            return getattr(self, name)
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(NAMES)

    def __len__(self) -> int:
        return len(NAMES)


def condensed(manifest: Mapping[str, Any], stage: Stage) -> Mapping[str, Any]:
    """The manifest of a stage, condensed if it has the present layout; equal in any case."""
    written, ours = manifest["stage"], _json(stage)
    if set(manifest) != set(NAMES) or written.keys() != ours.keys():
        return manifest
    own = {name: value for name, value in written.items() if value != ours[name]}
    try:
        files = tuple(map(_file, manifest["files"], manifest["files"].values()))
    except ValueError:
        return manifest
    return CondensedManifest(stage, own, files, manifest["facts"], manifest["provenance"])


def _json(stage: Stage) -> dict[str, Any]:
    """The stage as JSON, which refers to its values; inputs are sorted as in a manifest."""
    values = {name: getattr(stage, name) for name in ("kind", "version", "params", "label")}
    inputs, cost = dict(sorted(stage.inputs.items())), vars(stage.cost)
    rest = {"affinity": stage.affinity, "context": stage.context, "inputs": inputs, "cost": cost}
    return values | rest


def _file(name: str, entry: Mapping[str, Any]) -> tuple[str, int, bytes]:
    """A file's entry.

    Raises:
        ValueError: it has another layout.
    """
    digest = bytes.fromhex(entry["sha256"])
    if entry.keys() != FILE or digest.hex() != entry["sha256"]:
        raise ValueError(name)
    return name, entry["bytes"], digest
