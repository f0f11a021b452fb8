"""What each intermediate setting of a plan would still cost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from xstilts.config.intermediate import BASELINE
from xstilts.core.plan import Plan, StageState, StageStatus
from xstilts.planning.compile import CompiledPlan


@dataclass(frozen=True)
class RemainingCost:
    """What is still to do.

    Args:
        stages: how many.
        seconds: on this machine, one after the other.
        operations: with floating-point numbers.
    """

    stages: int
    seconds: float
    operations: float


def remaining_costs(
    compiled: CompiledPlan, statuses: Mapping[str, StageStatus], ratios: Mapping[str, float]
) -> dict[str, RemainingCost]:
    """Setting → its trainings, predictions and scores, without what the baseline needs anyway.

    Args:
        ratios: kind → measured over expected seconds, see `stages.cost.calibration`.
    """
    by_setting: dict[str, dict[str, None]] = {}
    for cell in compiled.cells:
        by_setting.setdefault(cell.intermediate, {})[cell.key] = None
    needed = {name: ancestors(compiled.plan, keys) for name, keys in by_setting.items()}
    shared = needed.get(BASELINE, frozenset())
    return {
        name: _remaining_cost(
            compiled.plan, keys if name == BASELINE else keys - shared, statuses, ratios
        )
        for name, keys in needed.items()
    }


def ancestors(plan: Plan, keys: Iterable[str]) -> frozenset[str]:
    """These stages and all that they are made from."""
    found: set[str] = set()
    left = list(keys)
    while left:
        key = left.pop()
        if key not in found:
            found.add(key)
            left += plan.by_key[key].inputs.values()
    return frozenset(found)


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
