"""A stage: one node of work, identified by what goes into it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

from xstilts.core.hashing import digest_of


@dataclass(frozen=True)
class Cost:
    """What a stage is expected to need.

    Args:
        seconds: on this machine.
        bytes: in the store.
        operations: with floating-point numbers, wherever it runs.
    """

    seconds: float = 0.0
    bytes: int = 0
    operations: float = 0.0


@dataclass(frozen=True)
class Stage:
    """One node of work.

    Args:
        kind: which function does the work (`prepare`, `train`, …).
        version: version of that function; raised when its result changes.
        params: every parameter that changes the result; JSON values only.
        inputs: role → key of the stage whose artifact is read.
        label: what people read; not part of the identity, nor are the following.
        cost: what it is expected to need.
        affinity: stages with equal affinity run well after each other in one process.
        context: where things lie on this machine (folders), for the worker.
    """

    kind: str
    version: int
    params: Mapping[str, Any]
    inputs: Mapping[str, str] = field(default_factory=dict)
    label: str = field(default="", compare=False)
    cost: Cost = field(default=Cost(), compare=False)
    affinity: str = field(default="", compare=False)
    context: Mapping[str, Any] = field(default_factory=dict, compare=False)

    @cached_property
    def key(self) -> str:
        """SHA-256 over kind, version, parameters and the keys of the inputs."""
        return digest_of(
            {
                "kind": self.kind,
                "version": self.version,
                "params": dict(self.params),
                "inputs": dict(self.inputs),
            }
        )

    def __hash__(self) -> int:
        return hash(self.key)

    def to_json(self) -> dict[str, Any]:
        """The stage as JSON, for a worker process or a record."""
        return {
            "kind": self.kind,
            "version": self.version,
            "params": dict(self.params),
            "inputs": dict(self.inputs),
            "label": self.label,
            "affinity": self.affinity,
            "context": dict(self.context),
            "cost": asdict(self.cost),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Stage:
        """The stage that `to_json` wrote."""
        return cls(**{**data, "cost": Cost(**data["cost"])})
