"""A plan: stages in topological order, and their status in a store."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from typing import Any

from xstilts.core.counted import counted
from xstilts.core.dropped import WHY_AGAIN
from xstilts.core.errors import StoreError
from xstilts.core.stage import Stage, blocking_fact, reads_blocking
from xstilts.core.store import Store

NEVER_RUN = "never run"


class StageState(StrEnum):
    """The state of a stage in a store."""

    DONE = "done"
    TODO = "to do"
    BLOCKED = "blocked"
    """Not run, because a stage that it needs finished without output; see `blocking_fact`."""


def counts_of_states(states: Mapping[StageState, int]) -> str:
    """Numbers of stages by state: `9 stages: 4 done, 5 to do`."""
    counts = ", ".join(f"{count:,} {state}" for state, count in states.items() if count)
    return f"{counted(sum(states.values()), 'stage')}: {counts}"


@dataclass(frozen=True, slots=True)
class StageStatus:
    """A stage's state in a store.

    Args:
        why: the reason, unless it is done.
        seconds: that a stage took on one core, or on a GPU, if it has finished, even if its files
            were dropped and it must run again; 0 if not recorded.
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

    def statuses(
        self, store: Store, unreadable: dict[str, StoreError] | None = None
    ) -> dict[str, StageStatus]:
        """Key → the stage's status in a store, in plan order.

        The store's folders are listed once, and each manifest is read once. A stage whose files
        were dropped is done, unless a stage to do needs them.

        Args:
            unreadable: takes key → error of artifacts that cannot be read; these are to do.

        Raises:
            StoreError: the store cannot be read; without `unreadable`, or an artifact of it.
        """
        published, stopped = set(store.keys()), set(store.stopped())
        statuses: dict[str, StageStatus] = {}
        blocked: dict[str, str] = {}
        dropped: set[str] = set()
        for stage in self.stages:
            key = stage.key
            why = _why_blocked(stage, blocked, statuses) if blocked else ""
            try:
                valid = store.get_valid(key) if key in published else None
                kept = store.get_dropped(key) if key in published and not valid else None
            except StoreError as error:
                if unreadable is None:
                    raise
                unreadable[key] = error
                statuses[key] = StageStatus(StageState.TODO, "its artifact cannot be read")
                continue
            if artifact := valid:
                statuses[key] = StageStatus(StageState.DONE, seconds=artifact.seconds)
                artifact.condense(stage)
                if blocking := blocking_fact(artifact.manifest["facts"]):
                    blocked[key] = f"{stage.label} {blocking}"
            elif artifact := kept:
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
                statuses[key] = replace(statuses[key], state=StageState.TODO, why=WHY_AGAIN)
            if statuses[key].state is StageState.TODO:
                needed.update(stage.inputs.values())
        return statuses

    def _why(self, stage: Stage, stopped: bool) -> str:
        before = self.known.get(stage.label)
        if before is None or Stage.from_json(before).key == stage.key:
            return "interrupted" if stopped else NEVER_RUN
        changed = changes(before, stage.to_json())
        return "changed: " + ", ".join(changed[:3]) + (" …" if len(changed) > 3 else "")


def _why_blocked(
    stage: Stage, blocked: Mapping[str, str], statuses: Mapping[str, StageStatus]
) -> str:
    """Why a stage cannot run; empty if it can. See `declare_blocking_fact`."""
    needed = (
        used
        for used in stage.inputs.values()
        if not (reads_blocking(stage) and statuses[used].state is StageState.DONE)
    )
    return next((blocked[used] for used in needed if used in blocked), "")


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
