"""A plan: stages in an order in which each comes after its inputs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any

from xstilts.core.stage import Stage
from xstilts.core.store import Store


class StageState(StrEnum):
    """Where a stage stands."""

    DONE = "done"
    TODO = "to do"
    DIVERGED = "diverged"
    """It was not run because the training that it builds on diverged."""


@dataclass(frozen=True)
class StageStatus:
    """A stage's state in a store, and why; what it took, if it is done.

    Args:
        seconds: that a finished stage took one core, or a GPU; 0 if nobody knows.
    """

    state: StageState
    why: str = ""
    seconds: float = 0.0


@dataclass(frozen=True)
class Plan:
    """Stages in topological order, every key once.

    Args:
        known: label → stage as JSON of the plan's last run, to say what has changed.
    """

    stages: tuple[Stage, ...]
    known: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, compare=False)

    @classmethod
    def of(cls, stages: Iterable[Stage]) -> Plan:
        """The plan of these stages; equal stages are one."""
        unique = {stage.key: stage for stage in stages}
        plan = cls(tuple(unique.values()))
        seen: set[str] = set()
        for stage in plan.stages:
            missing = [role for role, key in stage.inputs.items() if key not in seen]
            if missing:
                raise ValueError(f"stage {stage.label!r} comes before its inputs {missing}")
            seen.add(stage.key)
        return plan

    @cached_property
    def by_key(self) -> dict[str, Stage]:
        """Stages by their key."""
        return {stage.key: stage for stage in self.stages}

    def standings(self, store: Store) -> dict[str, StageStatus]:
        """The state of every stage in a store, by key, in plan order.

        The store's folders are listed once, and each manifest of the plan's is read once.
        """
        there, stopped = set(store.keys()), set(store.stopped())
        found: dict[str, StageStatus] = {}
        diverged: dict[str, str] = {}
        for stage in self.stages:
            key = stage.key
            why = next((diverged[one] for one in stage.inputs.values() if one in diverged), "")
            if artifact := store.get_valid(key) if key in there else None:
                found[key] = StageStatus(StageState.DONE, seconds=artifact.seconds)
                if "diverged" in artifact.facts:
                    diverged[key] = f"{stage.label} diverged"
            elif why:
                found[key] = StageStatus(StageState.DIVERGED, why)
                diverged[key] = why
            elif key in there:
                found[key] = StageStatus(StageState.TODO, "its artifact is damaged")
            else:
                found[key] = StageStatus(StageState.TODO, self._why(stage, key in stopped))
        return found

    def _why(self, stage: Stage, stopped: bool) -> str:
        before = self.known.get(stage.label)
        if before is None or Stage.from_json(before).key == stage.key:
            return "stopped half-way" if stopped else "never run"
        changed = changes(before, stage.to_json())
        return "changed: " + ", ".join(changed[:3]) + (" …" if len(changed) > 3 else "")


def changes(before: Mapping[str, Any], after: Mapping[str, Any], prefix: str = "") -> list[str]:
    """Dotted names of the values that differ between two nested JSON objects."""
    names: list[str] = []
    for name in sorted(before.keys() | after.keys()):
        if not prefix and name not in ("version", "params", "inputs"):
            continue
        old, new = before.get(name), after.get(name)
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            names += changes(old, new, f"{prefix}{name}.")
        elif old != new:
            names.append(f"{prefix}{name}")
    return names
