"""Which stages' large files an experiment does not keep; see `keep_weights`."""

from __future__ import annotations

from xstilts.config.experiment import KeepWeights
from xstilts.planning.compile import CompiledPlan

DROPPABLE_KINDS = ("train", "embed")
"""Kinds whose large files later stages read, and results do not."""


def droppable_stages(compiled: CompiledPlan, keep: KeepWeights) -> frozenset[str]:
    """Keys of the stages whose large files go once every stage that reads them is done.

    Weights of trainings and vectors of sentences; pretrained encoders stay.

    Args:
        keep: `encoders` keeps the trainings of intermediate settings; `none` keeps no training.
    """
    if keep == "all":
        return frozenset()
    stages = [stage for stage in compiled.plan.stages if stage.kind in DROPPABLE_KINDS]
    if keep == "none":
        return frozenset(stage.key for stage in stages)
    if not compiled.cells:  # nothing says which trainings are intermediate
        return frozenset()
    kept = _intermediate_trainings(compiled)
    return frozenset(stage.key for stage in stages if stage.key not in kept)


def _intermediate_trainings(compiled: CompiledPlan) -> set[str]:
    """The trainings that precede those of a target."""
    return {
        key
        for cell in compiled.cells
        for key in cell.trained_by[: len(cell.trained_by) - len(cell.target_trainings)]
    }
