"""Where a training run begins: at its newest checkpoint, if that fits, or at the beginning."""

from __future__ import annotations

from xstilts.config.recipe import COMPUTED_IN
from xstilts.core.notices import notice
from xstilts.training.checkpoint import Checkpoint, Checkpoints
from xstilts.training.process_group import ProcessGroup, of_first
from xstilts.training.run import Run


def resume(run: Run, checkpoints: Checkpoints) -> tuple[int, tuple[str, ...]]:
    """Restore the newest checkpoint; return its step (0 without a checkpoint) and notes."""
    checkpoint, damaged = _newest(run.group, checkpoints)
    precision = () if run.precision == "fp32" else (f"{COMPUTED_IN}{run.precision}",)
    if checkpoint is None:
        return 0, (*damaged, *precision)
    before = checkpoint.facts.get("precision", "fp32")
    if before != run.precision:
        return 0, (*damaged, *precision, f"restarted: the checkpoint was computed in {before}")
    if other := run.other_weights(checkpoint):
        return 0, (*damaged, *precision, f"restarted: the checkpoint has another {other[0]}")
    run.restore(checkpoint)
    resumed = f"resumed from step {checkpoint.step}"
    return checkpoint.step, (*damaged, *precision, *run.log.moved, *run.log.halved_slices, resumed)


def _newest(group: ProcessGroup, checkpoints: Checkpoints) -> tuple[Checkpoint | None, list[str]]:
    """The newest valid checkpoint that process 0 finds, and notes on damaged ones."""
    if group.rank == 0:
        checkpoint, damaged = checkpoints.newest()
        for text in damaged:
            notice(text)
        of_first(group, checkpoint.step if checkpoint else -1)
        return checkpoint, damaged
    step = of_first(group, -1)
    return (checkpoints.of_step(step) if step >= 0 else None), []
