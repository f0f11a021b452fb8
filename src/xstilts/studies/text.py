"""Numbers in sentences."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from math import isnan

import pandas as pd

from xstilts.statistics.association import detectable_correlation
from xstilts.statistics.estimate import LEVEL, NAN, Estimate

NO_SCORES = "Nothing can be said yet: no run that the question is about has a score."


def in_points(estimate: Estimate) -> Estimate:
    """An estimate of scores between 0 and 1 in points of 100."""
    value, low, high = (100 * one for one in (estimate.value, estimate.low, estimate.high))
    return replace(estimate, value=value, low=low, high=high)


def format_estimate(
    estimate: Estimate, digits: int = 2, unit: str = "", *, signed: bool = False
) -> str:
    """`0.62 (95 % interval 0.10 to 0.90, p = 0.030, n = 11)`; what is not known is not said."""
    form = f"{'+' if signed else ''}.{digits}f"
    said = [f"n = {estimate.n}"]
    if not isnan(estimate.p):
        said.insert(0, format_p(estimate.p))
    if not isnan(estimate.low):
        edges = f"{estimate.low:{form}} to {estimate.high:{form}}"
        said.insert(0, f"95 % interval {edges}")
    return f"{estimate.value:{form}}{unit} ({', '.join(said)})"


def significance_text(estimate: Estimate, unit: str = "points", p_holm: float = NAN) -> str:
    """A difference in words: `+1.9 points, beyond chance`, or why there is no number.

    Args:
        p_holm: p after Holm's correction, which then decides the words and is in them.
    """
    if isnan(estimate.value):
        return f"no number, {estimate.note}"
    said = f"{estimate.value:+.1f} {unit}"
    if isnan(estimate.p):
        return f"{said}, not tested"
    if isnan(p_holm):
        return said + (", beyond chance" if estimate.significant else ", which may be chance")
    words = "beyond chance" if p_holm < LEVEL else "which may be chance"
    return f"{said}, {words} ({format_p(p_holm, 'p (Holm)')})"


def format_p(p: float, name: str = "p") -> str:
    """`p = 0.030`, or `p < 0.001`."""
    return f"{name} < 0.001" if p < 0.001 else f"{name} = {p:.3f}"


def join_names(names: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def incomplete(table: pd.DataFrame, words: str) -> str:
    """`WORDS: a and b.`, the rows of a table that lack a number; empty if none does."""
    names = [str(name) for name in table.index[table.isna().any(axis=1)]]
    return f"{words}: {join_names(names)}." if names else ""


def after_holm(p: float) -> str:
    """`; found after Holm's correction (p = 0.030)`; empty where p is not known."""
    if isnan(p):
        return ""
    return f"; {'found' if p < LEVEL else 'not found'} after Holm's correction ({format_p(p)})"


def _sources(n: int) -> str:
    """`8 tasks show only a correlation of 0.85 or more with 80 % power, …`."""
    smallest = detectable_correlation(n)
    seen = "no correlation" if isnan(smallest) else f"only a correlation of {smallest} or more"
    return f"{n} tasks show {seen} with 80 % power, before any correction"


def slug(name: str) -> str:
    """A name that is safe in a path and in a link."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "unnamed"
