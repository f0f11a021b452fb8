"""`CompiledExperiment`: an experiment and its compiled plan."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from xstilts.config.load import LoadedExperiment
from xstilts.core.plan import Plan
from xstilts.planning.compile import CompiledPlan
from xstilts.planning.remaining_cost import ancestors
from xstilts.planning.retention import droppable_stages


@dataclass(frozen=True)
class CompiledExperiment:
    """An experiment and its compiled plan."""

    loaded: LoadedExperiment
    compiled: CompiledPlan


def merge_plans(parts: Iterable[CompiledExperiment]) -> Plan:
    """Merge the plans of several experiments; stages with equal keys occur once.

    Files are dropped only if no experiment that has the stage keeps them.
    """
    parts = tuple(parts)
    plans = [part.compiled.plan for part in parts]
    history: dict[str, Any] = {}
    for plan in plans:
        history |= plan.known
    merged = Plan.of(stage for plan in plans for stage in plan.stages)
    return Plan(merged.stages, history, _droppable(parts))


def _droppable(parts: Iterable[CompiledExperiment]) -> frozenset[str]:
    """Keys of stages whose files go, if no part keeps them."""
    dropped, kept = set[str](), set[str]()
    for part in parts:
        own = droppable_stages(part.compiled, part.loaded.experiment.keep_weights)
        dropped |= own
        kept |= part.compiled.plan.by_key.keys() - own
    return frozenset(dropped - kept)


def encoders_of(compiled: CompiledPlan) -> tuple[str, ...]:
    """Names of the encoders in a plan's results, each once."""
    return tuple(dict.fromkeys(cell.encoder for cell in compiled.cells))


def plan_of_encoder(compiled: CompiledPlan, encoder: str) -> CompiledPlan:
    """The cells of one encoder and the stages that lead to them."""
    cells = tuple(cell for cell in compiled.cells if cell.encoder == encoder)
    keys = ancestors(compiled.plan, (cell.key for cell in cells))
    stages = tuple(stage for stage in compiled.plan.stages if stage.key in keys)
    return replace(compiled, plan=Plan(stages, compiled.plan.known), cells=cells)
