"""A plan: stages in an order in which each comes after its inputs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any

from xstilts.core.stage import Stage
from xstilts.core.store import Store


class State(StrEnum):
    """Where a stage stands."""

    DONE = "done"
    TODO = "to do"
    DIVERGED = "diverged"
    """It was not run because the training that it builds on diverged."""


@dataclass(frozen=True)
class Standing:
    """A stage's state in a store, and why."""

    state: State
    why: str = ""


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

    def standings(self, store: Store) -> dict[str, Standing]:
        """The state of every stage in a store, by key, in plan order."""
        found: dict[str, Standing] = {}
        for stage in self.stages:
            if store.has(stage.key):
                found[stage.key] = Standing(State.DONE)
            elif why := self._diverged_input(stage, found, store):
                found[stage.key] = Standing(State.DIVERGED, why)
            else:
                found[stage.key] = Standing(State.TODO, self._why(stage, store))
        return found

    def _diverged_input(
        self, stage: Stage, found: Mapping[str, Standing], store: Store
    ) -> str | None:
        for key in stage.inputs.values():
            if found[key].state is State.DIVERGED:
                return found[key].why
            if found[key].state is State.DONE and "diverged" in store.artifact(key).facts:
                return f"{self.by_key[key].label} diverged"
        return None

    def _why(self, stage: Stage, store: Store) -> str:
        if store.artifact(stage.key).path.exists():
            return "its artifact is damaged"
        before = self.known.get(stage.label)
        if before is None or Stage.from_json(before).key == stage.key:
            return "stopped half-way" if store.checkpoint_path(stage.key).exists() else "never run"
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
