"""Expected peak memory of a plan, and a warning if it exceeds what there is."""

from __future__ import annotations

from collections.abc import Iterator

from xstilts.api.plan_memory import THIS_MACHINE, PlanMemory
from xstilts.api.plan_summary import PlanSummary
from xstilts.core.stage import Stage
from xstilts.core.units import size

SMALLER = (
    "gradient_accumulation_steps: 2 or more, gradient_checkpointing: true or a lower max_length "
    "in its recipe"
)


def memory_lines(summary: PlanSummary) -> Iterator[str]:
    """The largest stage of each kind to do, then the warning."""
    memory = summary.memory
    if peaks := memory.peaks(summary.todo):
        parts = [f"{kind} {size(memory.by_key[stage.key])}" for kind, stage in peaks.items()]
        yield f"peak memory per worker (estimate): {', '.join(parts)}"
    if excess := memory.excess(summary.todo):
        yield _warning(memory, *excess)


def _warning(memory: PlanMemory, stage: Stage, fitting: int) -> str:
    assert memory.limit is not None
    needed, limit = size(memory.by_key[stage.key]), size(memory.limit)
    if fitting:
        return (
            f"! {memory.workers} workers share the {limit} of {memory.device}, and {stage.label} "
            f"needs about {needed}: use --workers {fitting}"
            + (" per GPU" if memory.device != THIS_MACHINE else "")
        )
    advice = f": set {SMALLER}" if stage.params.get("recipe") else ""
    return (
        f"! {stage.label} needs about {needed} (estimate), and {memory.device} has {limit}{advice}"
    )
