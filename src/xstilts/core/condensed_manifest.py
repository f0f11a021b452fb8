"""A manifest in memory that refers to the stage of a plan, and keeps its other parts as text.

A command on a large store keeps all manifests. As the objects that they are read as they would
take four times the memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from pydantic_core import from_json, to_json

from xstilts.core.stage import Stage

TEXTS = ("files", "facts", "provenance")
NAMES = ("key", "stage", *TEXTS)
KEY_PARTS = ("kind", "version", "params", "inputs")
NOTHING: Mapping[str, Any] = MappingProxyType({})
EMPTY = b"{}"


@dataclass(frozen=True, slots=True, eq=False)
class CondensedManifest(Mapping[str, Any]):
    """A manifest whose parts are built when they are read.

    Args:
        own: values of the manifest's stage that differ from the plan's.
        files, facts, provenance: as JSON.
    """

    stage: Stage
    own: Mapping[str, Any]
    files: bytes
    facts: bytes
    provenance: bytes

    def __getitem__(self, name: str) -> Any:
        if name in TEXTS:
            return from_json(getattr(self, name))
        if name == "stage":
            return {**_json(self.stage), **self.own}
        if name == "key":
            return self.stage.key
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(NAMES)

    def __len__(self) -> int:
        return len(NAMES)

    @property
    def describes_its_key(self) -> bool:
        """Whether the manifest's stage is the one of its key."""
        return self.own.keys().isdisjoint(KEY_PARTS)


def condensed(manifest: Mapping[str, Any], stage: Stage) -> Mapping[str, Any]:
    """The manifest of a stage, condensed if it has the present layout; equal in any case."""
    written, ours = manifest["stage"], _json(stage)
    if set(manifest) != set(NAMES) or written.keys() != ours.keys():
        return manifest
    own = {name: value for name, value in written.items() if value != ours[name]}
    try:
        texts = [to_json(manifest[name], inf_nan_mode="constants") for name in TEXTS]
    except ValueError:  # a lone surrogate
        return manifest
    return CondensedManifest(
        stage, own or NOTHING, *(EMPTY if text == EMPTY else text for text in texts)
    )


def _json(stage: Stage) -> dict[str, Any]:
    """The stage as JSON, which refers to its values; inputs are sorted as in a manifest."""
    values = {name: getattr(stage, name) for name in ("kind", "version", "params", "label")}
    inputs, cost = dict(sorted(stage.inputs.items())), vars(stage.cost)
    rest = {"affinity": stage.affinity, "context": stage.context, "inputs": inputs, "cost": cost}
    return values | rest
