"""What Linux says about a machine's CPU."""

from __future__ import annotations

from pathlib import Path

CPUINFO = Path("/proc/cpuinfo")
FAST = frozenset({"amx_bf16", "avx512_bf16", "bf16"})
"""Flags of x86 CPUs, and that of ARM CPUs."""
INTEL = "GenuineIntel"


def has_fast_bf16() -> bool | None:
    """Whether this machine's CPU multiplies in bf16 by instructions of its own; None if unknown."""
    flags = _first("flags", "Features")
    return None if flags is None else bool(FAST & set(flags.split()))


def has_avx512_and_is_not_intel() -> bool:
    """Whether the CPU is known to have AVX-512 and not to be Intel's."""
    has_avx512 = "avx512f" in (_first("flags") or "").split()
    return has_avx512 and _first("vendor_id") not in (None, INTEL)


def _first(*names: str) -> str | None:
    """The first value of one of these names; None without any, or not on Linux."""
    try:
        lines = CPUINFO.read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    pairs = (line.partition(":") for line in lines)
    return next((value.strip() for name, _, value in pairs if name.strip() in names), None)
