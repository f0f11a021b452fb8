"""Whether a plan computes in bf16 on a CPU that is slow at it."""

from __future__ import annotations

from xstilts.analysis.precision_note import in_bf16
from xstilts.api.plan_memory import THIS_MACHINE
from xstilts.api.plan_summary import PlanSummary
from xstilts.core.cpu_features import has_fast_bf16


def slow_bf16_warning(summary: PlanSummary) -> str:
    """Warns of stages in bf16 on a CPU without instructions for it; empty if there are none."""
    count = sum(map(in_bf16, summary.todo))
    if not count or summary.memory.device != THIS_MACHINE or has_fast_bf16() is not False:
        return ""
    return (
        f"! {count:,} stages compute in bf16 (`precision: bf16`), and this machine's CPU has no "
        "instructions for it (AMX, AVX-512 BF16): they are slower than in fp32; leave `precision` "
        "out, or run them on a machine with such a CPU or a GPU"
    )
