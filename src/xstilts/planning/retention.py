"""Which stages' large files an experiment does not keep; see `keep_weights`."""

from __future__ import annotations

from xstilts.config.experiment import KeepWeights
from xstilts.core.stage import Stage
from xstilts.planning.compile import CompiledPlan

LARGE_VECTORS = 1_000_000
"""Bytes from which vectors of sentences are dropped: removing a few costs more than it frees."""


def droppable_stages(compiled: CompiledPlan, keep: KeepWeights) -> frozenset[str]:
    """Keys of the stages whose large files go once every stage that reads them is done.

    Weights of trainings, and large files of vectors of sentences; pretrained encoders stay.

    Args:
        keep: `encoders` keeps the trainings of intermediate settings; `none` keeps no training.
    """
    if keep == "all":
        return frozenset()
    stages = list(filter(_is_large, compiled.plan.stages))
    if keep == "none":
        return frozenset(stage.key for stage in stages)
    if not compiled.cells:  # nothing says which trainings are intermediate
        return frozenset()
    kept = _intermediate_trainings(compiled)
    return frozenset(stage.key for stage in stages if stage.key not in kept)


def _is_large(stage: Stage) -> bool:
    """Whether the stage's files are large, and read by later stages but not by results."""
    return stage.kind == "train" or (stage.kind == "embed" and stage.cost.bytes >= LARGE_VECTORS)


def _intermediate_trainings(compiled: CompiledPlan) -> set[str]:
    """The trainings that precede those of a target."""
    return {key for cell in compiled.cells for key in cell.setting_trainings}
