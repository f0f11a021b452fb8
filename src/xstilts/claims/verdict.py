"""The outcome of a check on one experiment, and verdicts from bootstrap draws."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property
from math import ceil
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import BaseModel

from xstilts.analysis.mixed_runs import MixedRuns
from xstilts.claims.subject import Subject
from xstilts.statistics.bootstrap import add_seed_variance, bootstrap_p, percentiles
from xstilts.statistics.estimate import LEVEL, NAN, Estimate, Floats
from xstilts.statistics.multiple_testing import holm
from xstilts.statistics.power import detectable_effect

if TYPE_CHECKING:
    from xstilts.claims.evidence import ExperimentEvidence


NOT_SIGNIFICANT = "the effect is not significant"
ONE_SEED = "one seed: significance is not tested"


class Verdict(StrEnum):
    """Whether the results of a store support a claim."""

    SUPPORTED = "supported"
    CONTRADICTED = "contradicted"
    UNDECIDED = "undecided"
    UNTESTABLE = "not testable here"


class SetupMatch(StrEnum):
    """How much of a published set-up an experiment has: a fact, and no verdict on a claim."""

    MET = "met"
    PARTLY_MET = "met in part"
    NOT_MET = "not met"
    UNKNOWN = "not known yet"


Outcome = Verdict | SetupMatch
"""Of a check: a verdict on results, or how much of the set-up is met."""
OPEN = (Verdict.UNTESTABLE, SetupMatch.UNKNOWN)
"""Outcomes for want of results."""


@dataclass(frozen=True)
class MeasuredEffect:
    """One number to be compared with a published one; scores and gains between 0 and 1.

    Args:
        what: as `PublishedFigure.what` where there is a published figure of it.
        of: the setting or the pair that it was measured on.
    """

    what: str
    estimate: Estimate
    of: str = ""


@dataclass(frozen=True)
class ScopeGap:
    """Something that a claim was published about and that it was not judged on.

    Args:
        what: the counted noun, such as `targets`; the text of the gap if nothing is counted.
        count, of: the judged and the total number; 0 if nothing is counted.
    """

    what: str
    count: int = 0
    of: int = 0

    @property
    def text(self) -> str:
        """The gap as people read it: `3 of 9 targets`."""
        return f"{self.count} of {self.of} {self.what}" if self.of else self.what


@dataclass(frozen=True)
class CheckResult:
    """The answer of one check.

    Args:
        why: sentences with the numbers in them, or what would have to be run.
        support: share of the bootstrap draws in which the claim holds; NaN where nothing is drawn.
        missing: what the claim was published about and this was not judged on.
        keys: the stages that hold the scores behind it.
        mixed: the gains behind it whose runs were computed differently; the caveats say so.
    """

    outcome: Outcome
    why: str
    measures: tuple[MeasuredEffect, ...] = ()
    support: float = NAN
    missing: tuple[ScopeGap, ...] = ()
    caveats: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    mixed: tuple[MixedRuns, ...] = ()

    def with_gaps(self, gaps: Sequence[ScopeGap]) -> CheckResult:
        """With more gaps, before its own."""
        return replace(self, missing=(*gaps, *self.missing))

    def with_caveats(self, words: Sequence[str]) -> CheckResult:
        """With more that must be known."""
        return replace(self, caveats=(*words, *self.caveats))

    def with_why(self, words: str) -> CheckResult:
        """With a sentence before its own."""
        return replace(self, why=f"{words}; {self.why}")


@dataclass(frozen=True)
class Check:
    """A predicate over the results of an experiment.

    Args:
        params: its parameters in YAML.
        judge: from these and an experiment's results to the answer; never raises for want of
            data, but says what would have to be run.
        subject: whether the answer is a verdict or a fact about the set-up.
    """

    params: type[BaseModel]
    judge: Callable[[Any, ExperimentEvidence], CheckResult]
    subject: Subject = Subject.RESULTS


@dataclass(frozen=True)
class BootstrapEffect:
    """An effect: its value, and its value in each bootstrap draw.

    Args:
        runs: [draws, seeds] its value for each seed; differences and means are taken there.
        n: test examples behind it, of one seed.
        least, most: the smallest and largest possible effect; intervals end there.
    """

    value: float
    runs: Floats
    n: int
    least: float = -1.0
    most: float = 1.0

    @cached_property
    def draws(self) -> Floats:
        """[draws] its value over seeds; see `statistics.bootstrap.add_seed_variance`."""
        return add_seed_variance(self.runs)

    @property
    def has_one_seed(self) -> bool:
        """Whether it is of one seed, so that its draws are over test examples only."""
        return bool(self.runs.shape[1] == 1)

    @property
    def p(self) -> float:
        """The bootstrap's p value against zero; NaN for one seed."""
        return NAN if self.has_one_seed else bootstrap_p(self.draws)

    @property
    def detectable(self) -> float:
        """The effect that would be found in four of five such runs; the draws need not be normal.

        By the width of the interval, as draws from Student's t may have no variance.
        """
        low, high = percentiles(self.draws)
        return detectable_effect((high - low) / 2 / NormalDist().inv_cdf(1 - LEVEL / 2))

    def estimate(self, note: str = "") -> Estimate:
        """With percentile interval, clipped to possible effects, and the bootstrap's p value."""
        found = Estimate(self.value, *percentiles(self.draws), self.p, self.n, note)
        return found.clipped(self.least, self.most)

    def __sub__(self, other: BootstrapEffect) -> BootstrapEffect:
        return BootstrapEffect(
            self.value - other.value,
            self.runs - other.runs,
            self.n,
            self.least - other.most,
            self.most - other.least,
        )


def mean_over_targets(effects: Sequence[BootstrapEffect]) -> BootstrapEffect:
    """The unweighted mean over targets, draw by draw and seed by seed."""
    value, least, most = np.mean([(one.value, one.least, one.most) for one in effects], axis=0)
    runs = np.mean([one.runs for one in effects], axis=0)
    n = sum(one.n for one in effects)
    return BootstrapEffect(float(value), runs, n, float(least), float(most))


def mean_over_settings(effects: Sequence[BootstrapEffect]) -> BootstrapEffect:
    """The mean over settings, which share their test examples."""
    return replace(mean_over_targets(effects), n=max(one.n for one in effects))


@dataclass(frozen=True)
class Decision:
    """Verdict on several effects that are claimed to be above zero, and its explanation."""

    verdict: Verdict
    support: float
    why: str


def decide(effects: Sequence[BootstrapEffect], share: float = 1.0) -> Decision:
    """Decide whether a required proportion of the effects is above zero.

    Supported if the proportion is above zero after Holm's correction over the effects;
    contradicted if too many are below zero to reach it; else undecided, with the effect that has
    80% power. Effects of one seed are never significant, so they decide nothing.
    """
    if any(one.has_one_seed for one in effects):
        return Decision(Verdict.UNDECIDED, NAN, ONE_SEED)
    p = holm(np.array([one.p for one in effects]))
    pairs = zip(effects, p, strict=True)
    sides = [int(np.sign(one.value)) if value < LEVEL else 0 for one, value in pairs]
    needed = ceil(share * len(effects) - 1e-9)
    above, below = sides.count(1), sides.count(-1)
    won = np.sum([one.draws > 0 for one in effects], axis=0) >= needed
    support = float((won.sum() + 1) / (len(won) + 2))
    words = (
        f"{above} significantly above zero, {below} below, "
        f"{len(effects) - above - below} not significant"
    )
    if len(effects) == 1:
        side = "above" if above else "below"
        words = f"the effect is significantly {side} zero" if above or below else NOT_SIGNIFICANT
    if above >= needed:
        return Decision(Verdict.SUPPORTED, support, words)
    if len(effects) - below < needed:
        return Decision(Verdict.CONTRADICTED, support, words)
    mde = 100 * max(one.detectable for one in effects)
    words += f"; detectable with 80 % power: {mde:.1f} points"
    return Decision(Verdict.UNDECIDED, support, words)


def untestable(why: str) -> CheckResult:
    """Nothing to judge by, and what would have to be run."""
    return CheckResult(Verdict.UNTESTABLE, why)


def confidence(outcome: Outcome, support: float) -> float:
    """Share of the draws on the verdict's side; NaN for outcomes that have none."""
    sides = {Verdict.SUPPORTED: support, Verdict.CONTRADICTED: 1 - support}
    return sides.get(outcome, NAN) if isinstance(outcome, Verdict) else NAN
