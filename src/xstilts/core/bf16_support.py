"""Whether a CPU has instructions for products in bf16."""

from __future__ import annotations

from pathlib import Path

CPUINFO = Path("/proc/cpuinfo")
FAST = frozenset({"amx_bf16", "avx512_bf16", "bf16"})
"""Flags of x86 CPUs, and that of ARM CPUs."""


def has_fast_bf16() -> bool | None:
    """Whether this machine's CPU multiplies in bf16 by instructions of its own; None if unknown."""
    try:
        lines = CPUINFO.read_text(encoding="utf-8").splitlines()
    except OSError:  # not Linux
        return None
    flags = (line.partition(":")[2] for line in lines if line.startswith(("flags", "Features")))
    first = next(flags, None)
    return None if first is None else bool(FAST & set(first.split()))
