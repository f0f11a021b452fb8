"""The remaining cost of each intermediate setting of a plan."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from xstilts.core.plan import Plan, StageState, StageStatus
from xstilts.planning.compile import CompiledPlan


@dataclass(frozen=True)
class RemainingCost:
    """Cost of the unfinished stages.

    Args:
        stages: their number.
        seconds: on this machine, without parallelism.
        operations: floating-point operations.
    """

    stages: int
    seconds: float
    operations: float


def remaining_costs(
    compiled: CompiledPlan, statuses: Mapping[str, StageStatus], ratios: Mapping[str, float]
) -> dict[str, RemainingCost]:
    """Return setting → cost of its stages, except those that the baseline needs anyway.

    Args:
        ratios: stage kind → measured / expected seconds, see `cost.calibration`.
    """
    by_setting: dict[str, dict[str, None]] = {}
    for cell in compiled.cells:
        by_setting.setdefault(cell.intermediate, {})[cell.key] = None
    needed = {name: ancestors(compiled.plan, keys) for name, keys in by_setting.items()}
    shared = needed.get(compiled.baseline, frozenset())
    return {
        name: _remaining_cost(
            compiled.plan, keys if name == compiled.baseline else keys - shared, statuses, ratios
        )
        for name, keys in needed.items()
    }


def encoder_costs(
    compiled: CompiledPlan, statuses: Mapping[str, StageStatus], ratios: Mapping[str, float]
) -> dict[str, RemainingCost]:
    """Return encoder → cost of the stages that it alone needs."""
    by_encoder: dict[str, dict[str, None]] = {}
    for cell in compiled.cells:
        by_encoder.setdefault(cell.encoder, {})[cell.key] = None
    needed = {name: ancestors(compiled.plan, keys) for name, keys in by_encoder.items()}
    counts = Counter(key for keys in needed.values() for key in keys)
    return {
        name: _remaining_cost(
            compiled.plan, frozenset(key for key in keys if counts[key] == 1), statuses, ratios
        )
        for name, keys in needed.items()
    }


def ancestors(plan: Plan, keys: Iterable[str]) -> frozenset[str]:
    """Return stages and all stages that they depend on."""
    visited: set[str] = set()
    stack = list(keys)
    while stack:
        key = stack.pop()
        if key not in visited:
            visited.add(key)
            stack += plan.by_key[key].inputs.values()
    return frozenset(visited)


def _remaining_cost(
    plan: Plan,
    keys: frozenset[str],
    statuses: Mapping[str, StageStatus],
    ratios: Mapping[str, float],
) -> RemainingCost:
    todo = [plan.by_key[key] for key in keys if statuses[key].state is StageState.TODO]
    return RemainingCost(
        len(todo),
        sum(stage.cost.seconds * ratios.get(stage.kind, 1.0) for stage in todo),
        sum(stage.cost.operations for stage in todo),
    )
