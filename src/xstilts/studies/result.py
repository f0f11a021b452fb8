"""The answer to one question of a study: a number, its unit and its significance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from math import isnan

import numpy as np

from xstilts.statistics.estimate import LEVEL, NAN, Estimate
from xstilts.statistics.multiple_testing import benjamini_hochberg, holm

ONE_SEED = "one seed: significance is not tested"
"""The note on gains of one seed."""


class Significance(StrEnum):
    """Whether an effect is significant, at 0.05."""

    SIGNIFICANT = "significant"
    NOT_SIGNIFICANT = "not significant"
    NOT_ENOUGH_DATA = "not enough data"
    NOT_TESTED = "not tested"


@dataclass(frozen=True)
class Unit:
    """How numbers of one kind are written.

    Args:
        symbol: written after the number.
        digits: after the decimal point.
        signed: whether positive numbers have a plus sign.
    """

    symbol: str = ""
    digits: int = 2
    signed: bool = False


POINTS = Unit(" points", 1, signed=True)
"""Differences of scores; a score of 1 is 100 points."""
PERCENT = Unit(" %", 1)
CORRELATION = Unit()
EXAMPLES = Unit(" examples", 0)


@dataclass(frozen=True)
class Result:
    """One question and the number that answers it.

    Args:
        name: unique within a study; a slug.
        question: what the number is, as the beginning of a sentence.
        estimate: value, interval, p and n, in `unit`.
        p_adjusted: p after Holm's correction, NaN outside a family of tests; it decides the
            verdict where it is known.
        q: p after the correction of Benjamini and Hochberg.
        power: the smallest effect that is found with 80 % power, before any correction; infinite
            if no effect could be significant, NaN if unknown.
        labels: column → value, what tables say of the result.
        extra: column → further estimates in the same row of a table.
        numbers: column → further numbers in that row.
        remark: a sentence after the result.
        limits: what its test leaves out, which is written next to the verdict.
    """

    name: str
    question: str
    estimate: Estimate
    unit: Unit = POINTS
    p_adjusted: float = NAN
    q: float = NAN
    power: float = NAN
    labels: Mapping[str, object] = field(default_factory=dict)
    extra: Mapping[str, Estimate] = field(default_factory=dict)
    numbers: Mapping[str, float] = field(default_factory=dict)
    remark: str = ""
    limits: str = ""

    def in_points(self) -> Result:
        """The same in points, if the estimate is of scores between 0 and 1."""
        return replace(self, estimate=in_points(self.estimate))

    @property
    def significance(self) -> Significance:
        """By the adjusted p value if there is one."""
        if isnan(self.estimate.value):
            return Significance.NOT_ENOUGH_DATA
        p = self.estimate.p if isnan(self.p_adjusted) else self.p_adjusted
        if isnan(p):
            return Significance.NOT_TESTED
        return Significance.SIGNIFICANT if p < LEVEL else Significance.NOT_SIGNIFICANT

    @property
    def significant(self) -> bool:
        """Whether the verdict says so."""
        return self.significance is Significance.SIGNIFICANT


def adjusted(results: Sequence[Result]) -> list[Result]:
    """The results, corrected for multiple testing as one family; untested ones do not count."""
    p = np.array([result.estimate.p for result in results], dtype=np.float64)
    corrections = zip(results, holm(p), benjamini_hochberg(p), strict=True)
    return [
        replace(result, p_adjusted=float(p_adjusted), q=float(q))
        for result, p_adjusted, q in corrections
    ]


OF_GAINS = 200.0
"""The largest difference of two gains in points: from a gain of -100 to one of 100."""


def untested(estimate: Estimate) -> Estimate:
    """An estimate of one seed, without its p value."""
    return replace(estimate, p=NAN).noted(ONE_SEED)


def in_points(estimate: Estimate, most: float = 100.0) -> Estimate:
    """An estimate of scores between 0 and 1 in points.

    Args:
        most: where its interval ends in either direction: `OF_GAINS` for a difference of two gains.
    """
    value, low, high = (100 * end for end in (estimate.value, estimate.low, estimate.high))
    return replace(estimate, value=value, low=low, high=high).clipped(-most, most)
