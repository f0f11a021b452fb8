"""Numbers in sentences."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from math import isnan

from xstilts.statistics.estimate import LEVEL, Estimate


def in_points(estimate: Estimate) -> Estimate:
    """An estimate of scores between 0 and 1 in points of 100."""
    value, low, high = (100 * one for one in (estimate.value, estimate.low, estimate.high))
    return replace(estimate, value=value, low=low, high=high)


def ranged(estimate: Estimate, digits: int = 2, unit: str = "", *, signed: bool = False) -> str:
    """`0.62 (95 % interval 0.10 to 0.90, p = 0.030, n = 11)`; what is not known is not said."""
    form = f"{'+' if signed else ''}.{digits}f"
    said = [f"n = {estimate.n}"]
    if not isnan(estimate.p):
        said.insert(0, chance(estimate.p))
    if not isnan(estimate.low):
        edges = f"{estimate.low:{form}} to {estimate.high:{form}}"
        said.insert(0, f"95 % interval {edges}")
    return f"{estimate.value:{form}}{unit} ({', '.join(said)})"


def verdict(estimate: Estimate, unit: str = "points") -> str:
    """A difference in words: `+1.9 points, more than chance`, or why there is no number."""
    if isnan(estimate.value):
        return f"no number, {estimate.note}"
    said = f"{estimate.value:+.1f} {unit}"
    if isnan(estimate.p):
        return f"{said}, not tested"
    return said + (", more than chance" if estimate.found else ", which may be chance")


def chance(p: float, name: str = "p") -> str:
    """`p = 0.030`, or `p < 0.001`."""
    return f"{name} < 0.001" if p < 0.001 else f"{name} = {p:.3f}"


def listed(names: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def after_holm(p: float) -> str:
    """`; found after Holm's correction (p = 0.030)`; empty where p is not known."""
    if isnan(p):
        return ""
    return f"; {'found' if p < LEVEL else 'not found'} after Holm's correction ({chance(p)})"


def slug(name: str) -> str:
    """A name that is safe in a path and in a link."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "unnamed"
