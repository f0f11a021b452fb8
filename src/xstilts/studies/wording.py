"""Numbers in sentences."""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan

from xstilts.statistics.estimate import Estimate


def ranged(estimate: Estimate, digits: int = 2, unit: str = "") -> str:
    """`0.62 (95 % interval 0.10 to 0.90, p = 0.030, n = 11)`; what is not known is not said."""
    said = [f"n = {estimate.n}"]
    if not isnan(estimate.p):
        said.insert(0, chance(estimate.p))
    if not isnan(estimate.low):
        edges = f"{estimate.low:.{digits}f} to {estimate.high:.{digits}f}"
        said.insert(0, f"95 % interval {edges}")
    return f"{estimate.value:.{digits}f}{unit} ({', '.join(said)})"


def chance(p: float, name: str = "p") -> str:
    """`p = 0.030`, or `p < 0.001`."""
    return f"{name} < 0.001" if p < 0.001 else f"{name} = {p:.3f}"


def listed(names: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
