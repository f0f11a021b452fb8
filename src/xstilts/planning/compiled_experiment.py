"""`CompiledExperiment`: an experiment and its compiled plan."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from xstilts.config.load import LoadedExperiment
from xstilts.core.plan import Plan
from xstilts.planning.compile import CompiledPlan


@dataclass(frozen=True)
class CompiledExperiment:
    """An experiment and its compiled plan."""

    loaded: LoadedExperiment
    compiled: CompiledPlan


def merge_plans(parts: Iterable[CompiledExperiment]) -> Plan:
    """Merge the plans of several experiments; stages with equal keys occur once."""
    plans = [part.compiled.plan for part in parts]
    history: dict[str, Any] = {}
    for plan in plans:
        history |= plan.known
    return Plan(Plan.of(stage for plan in plans for stage in plan.stages).stages, history)
