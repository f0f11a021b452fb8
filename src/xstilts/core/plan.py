"""A plan: stages in topological order, and their status in a store."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any

from xstilts.core.artifact import Artifact
from xstilts.core.dropped import WHY_AGAIN
from xstilts.core.stage import Stage, blocking_fact, reads_blocking
from xstilts.core.store import Store

SHARED = ("kind", "params", "label", "affinity", "context")
"""Fields of a stage that its manifest repeats."""


class StageState(StrEnum):
    """The state of a stage in a store."""

    DONE = "done"
    TODO = "to do"
    BLOCKED = "blocked"
    """Not run, because a stage that it needs finished without output; see `blocking_fact`."""


@dataclass(frozen=True)
class StageStatus:
    """A stage's state in a store.

    Args:
        why: the reason, unless it is done.
        seconds: that a finished stage took on one core, or on a GPU; 0 if not recorded.
    """

    state: StageState
    why: str = ""
    seconds: float = 0.0


@dataclass(frozen=True)
class Plan:
    """Stages in topological order, every key once.

    Args:
        known: label → stage as JSON in the plan's last run, to name what has changed.
        droppable: keys of stages whose large files go once every stage that reads them is done.
    """

    stages: tuple[Stage, ...]
    known: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, compare=False)
    droppable: frozenset[str] = field(default=frozenset(), compare=False)

    @classmethod
    def of(cls, stages: Iterable[Stage]) -> Plan:
        """The plan of some stages, equal ones merged.

        Raises:
            ValueError: a stage comes before one of its inputs.
        """
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
        """Key → stage."""
        return {stage.key: stage for stage in self.stages}

    @cached_property
    def positions(self) -> dict[str, int]:
        """Key → index in `stages`."""
        return {stage.key: index for index, stage in enumerate(self.stages)}

    def statuses(self, store: Store) -> dict[str, StageStatus]:
        """Key → the stage's status in a store, in plan order.

        The store's folders are listed once, and each manifest is read once. A stage whose files
        were dropped is done, unless a stage to do needs them.
        """
        published, stopped = set(store.keys()), set(store.stopped())
        statuses: dict[str, StageStatus] = {}
        blocked: dict[str, str] = {}
        dropped: set[str] = set()
        for stage in self.stages:
            key = stage.key
            needed = (
                used
                for used in stage.inputs.values()
                if not (reads_blocking(stage) and statuses[used].state is StageState.DONE)
            )
            why = next((blocked[used] for used in needed if used in blocked), "")
            if artifact := store.get_valid(key) if key in published else None:
                statuses[key] = StageStatus(StageState.DONE, seconds=artifact.seconds)
                _share_values(stage, artifact)
                if blocking := blocking_fact(artifact.facts):
                    blocked[key] = f"{stage.label} {blocking}"
            elif artifact := store.get_dropped(key) if key in published else None:
                statuses[key] = StageStatus(StageState.DONE, seconds=artifact.seconds)
                dropped.add(key)
            elif why:
                statuses[key] = StageStatus(StageState.BLOCKED, why)
                blocked[key] = why
            elif key in published:
                statuses[key] = StageStatus(StageState.TODO, "its artifact is damaged")
            else:
                statuses[key] = StageStatus(StageState.TODO, self._why(stage, key in stopped))
        return self._with_dropped(statuses, dropped) if dropped else statuses

    def _with_dropped(
        self, statuses: dict[str, StageStatus], dropped: Collection[str]
    ) -> dict[str, StageStatus]:
        """The statuses, with those of dropped stages that a stage to do needs."""
        needed: set[str] = set()
        for stage in reversed(self.stages):
            key = stage.key
            if key in dropped and key in needed:
                statuses[key] = StageStatus(StageState.TODO, WHY_AGAIN)
            if statuses[key].state is StageState.TODO:
                needed.update(stage.inputs.values())
        return statuses

    def _why(self, stage: Stage, stopped: bool) -> str:
        before = self.known.get(stage.label)
        if before is None or Stage.from_json(before).key == stage.key:
            return "interrupted" if stopped else "never run"
        changed = changes(before, stage.to_json())
        return "changed: " + ", ".join(changed[:3]) + (" …" if len(changed) > 3 else "")


def _share_values(stage: Stage, artifact: Artifact) -> None:
    """Let a manifest in memory refer to the stage's own values where they are equal.

    A snapshot of a large store keeps all manifests; most of their memory are these values.
    """
    written = artifact.manifest["stage"]
    artifact.manifest["key"] = stage.key
    for name in SHARED:
        if written.get(name) == (value := getattr(stage, name)):
            written[name] = value
    inputs = written.get("inputs")
    if inputs == stage.inputs:
        written["inputs"] = {role: stage.inputs[role] for role in inputs}  # in the written order


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
