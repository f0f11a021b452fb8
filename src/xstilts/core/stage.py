"""A stage: one unit of work, identified by everything that changes its result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from xstilts.core.hashing import digest_of


@dataclass(frozen=True)
class Cost:
    """The expected cost of a stage.

    Args:
        seconds: on this machine.
        bytes: in the store.
        operations: floating-point operations.
    """

    seconds: float = 0.0
    bytes: int = 0
    operations: float = 0.0


@dataclass(frozen=True)
class Stage:
    """One unit of work.

    Args:
        kind: name of the function that does it (`prepare`, `train`, …).
        version: version of that function; raised when its result changes.
        params: every parameter that changes the result; JSON values only.
        inputs: role → key of the stage whose artifact is read.
        label: display name. Like all fields below, not part of the key.
        cost: expected cost.
        affinity: stages of one affinity are best run one after another in one process.
        context: settings of this machine for the worker, such as folders.
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
        """SHA-256 of kind, version, parameters and the keys of the inputs."""
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
            "cost": dict(vars(self.cost)),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Stage:
        """The stage that `to_json` wrote."""
        return cls(**{**data, "cost": Cost(**data["cost"])})


_blocking_facts: list[str] = []


def declare_blocking_fact(name: str) -> str:
    """Let a fact of this name mean that a finished stage has no output for other stages.

    Such a stage is done and not run again; the stages that need it are blocked. Packages with
    stage kinds declare their facts when they are imported by the process that plans.
    """
    if name not in _blocking_facts:
        _blocking_facts.append(name)
    return name


_kinds_reading_blocking: list[str] = []


def declare_reads_blocking(kind: str) -> str:
    """Let stages of this kind run although an input finished with a blocking fact.

    They read the facts of such an input, which has no other output.
    """
    if kind not in _kinds_reading_blocking:
        _kinds_reading_blocking.append(kind)
    return kind


def reads_blocking(stage: Stage) -> bool:
    """Whether the stage can use inputs that finished with a blocking fact."""
    return stage.kind in _kinds_reading_blocking


def blocking_fact(facts: Mapping[str, Any]) -> str | None:
    """The name of the fact by which a finished stage blocks those that need it, if there is one."""
    return next((name for name in _blocking_facts if name in facts), None)
