"""Comparisons of systems: bootstrap, languages and seeds, McNemar, corrections, power."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar as oracle
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower

from xstilts.recommend.regret import over_targets
from xstilts.statistics.bootstrap import bca_interval, bootstrap_p, percentiles
from xstilts.statistics.estimate import Estimate
from xstilts.statistics.hierarchical import over_languages_and_seeds
from xstilts.statistics.mcnemar import mcnemar
from xstilts.statistics.multiple_testing import benjamini_hochberg, holm
from xstilts.statistics.one_sample import one_sample_mean
from xstilts.statistics.power import detectable_difference, detectable_mean


def test_two_sided_p_counts_both_tails() -> None:
    assert bootstrap_p(np.array([-1.0, 1, 2, 3])) == pytest.approx(2 * 2 / 5)
    assert bootstrap_p(np.zeros(9)) == 1.0
    assert np.isnan(bootstrap_p(np.full(9, np.nan)))
    assert np.isnan(bootstrap_p(np.array([np.nan, 1, 2, 3])))


def test_bca_intervals_equal_scipy() -> None:
    """On the same draws, for a skewed statistic."""
    data = np.random.default_rng(0).exponential(size=25)
    theirs = stats.bootstrap((data,), np.var, n_resamples=3000, method="BCa", rng=1)
    without = np.array([np.var(np.delete(data, k)) for k in range(25)])
    ours = bca_interval(theirs.bootstrap_distribution, float(np.var(data)), without)
    assert ours == pytest.approx(tuple(theirs.confidence_interval), rel=0.02)
    assert ours[0] > percentiles(theirs.bootstrap_distribution)[0]


def test_one_language_equals_a_t_test_over_seeds() -> None:
    gains = [[0.02, 0.05, 0.03, 0.01]]
    found = over_languages_and_seeds(gains)
    expected = stats.ttest_1samp(gains[0], 0)
    assert found.p == pytest.approx(expected.pvalue)
    interval = expected.confidence_interval()
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))


def test_fixed_languages_are_averaged_first() -> None:
    gains = np.random.default_rng(0).normal(size=(5, 4))
    found = over_languages_and_seeds(gains, fixed_languages=True)
    assert found.p == pytest.approx(stats.ttest_1samp(gains.mean(axis=0), 0).pvalue)


def test_variance_of_a_crossed_table_equals_hand_calculation() -> None:
    """Rows 1, 5 and columns -1, 1 without noise: mean squares 16 and 4, of 4 cells."""
    found = over_languages_and_seeds([[0.0, 2.0], [4.0, 6.0]])
    variance = (16 + 4 - 0) / 4
    freedom = variance**2 / (4**2 / 1 + 1**2 / 1)
    width = stats.t.ppf(0.975, freedom) * math.sqrt(variance)
    assert (found.low, found.high) == pytest.approx((3 - width, 3 + width))


def test_languages_with_a_missing_seed_are_noted() -> None:
    found = over_languages_and_seeds([[1.0, 2.0], [3.0, math.nan], [2.0, 2.5]])
    assert found.note == "1 of 3 languages left out: not all seeds have a score"
    assert found.n == 2
    assert "too few" in over_languages_and_seeds([[1.0]]).note
    assert "too few seeds" in over_languages_and_seeds([[1.0], [2.0]], fixed_languages=True).note


def test_a_seed_without_any_language_is_excluded() -> None:
    whole = over_languages_and_seeds([[1.0, 2.0], [2.0, 2.5]])
    found = over_languages_and_seeds([[1.0, math.nan, 2.0], [2.0, math.nan, 2.5]])
    assert (found.value, found.low, found.p) == (whole.value, whole.low, whole.p)
    assert found.note == "1 of 3 seeds left out: no language has a score"
    assert "too few" in over_languages_and_seeds(np.full((2, 2), math.nan)).note


def test_a_factor_with_one_level_adds_no_variance() -> None:
    one_seed, one_language = (over_languages_and_seeds(t) for t in ([[1], [2], [4]], [[1, 2, 4]]))
    assert one_seed.note == "one seed: variance between seeds is ignored"
    assert math.isnan(one_seed.p)
    assert not math.isnan(one_seed.low + one_language.p)
    assert one_language.note == "one language: variance between languages is ignored"
    assert one_seed.n == one_language.n == 3
    both = over_languages_and_seeds([[1, 2, 4], [2, 3, 6]])
    assert (both.n, both.note) == (2, "")
    fixed = over_languages_and_seeds([[1, 2, 4], [2, 3, 6]], fixed_languages=True)
    assert (fixed.n, fixed.note) == (3, "")


@pytest.mark.parametrize(
    "found",
    [
        over_languages_and_seeds([[0.05, 0.05]]),
        over_languages_and_seeds([[0.55 - 0.5], [0.65 - 0.6], [0.25 - 0.2]]),  # but for rounding
        over_languages_and_seeds(np.zeros((3, 2))),
        one_sample_mean([0.05, 0.05]),
        over_targets([0.5, 0.5, math.nan]),
    ],
)
def test_equal_values_have_zero_variance(found: Estimate) -> None:
    assert not math.isnan(found.value)
    assert np.isnan([found.low, found.high, found.p]).all()
    assert not found.significant
    assert "no variation between the few values" in found.note


def test_a_table_without_effects_estimates_the_noise_only() -> None:
    """Mean squares 0, 0 and 1: the rest is all that there is to judge the mean by."""
    found = over_languages_and_seeds([[1.0, 0.0], [0.0, 1.0]])
    width = stats.t.ppf(0.975, 1) * math.sqrt(1 / 4)
    assert (found.low, found.high) == pytest.approx((0.5 - width, 0.5 + width))


def test_intervals_of_mean_correlations_are_bounded_by_one() -> None:
    found = over_targets([0.9, 0.95, 0.99])
    assert found.high > 1
    assert found.clipped(-1, 1).high == 1
    assert found.clipped(-1, 1).low == found.low
    assert math.isnan(over_targets([0.9]).clipped(-1, 1).high)


@pytest.mark.parametrize(("gained", "lost"), [(7, 2), (4, 4), (0, 6), (30, 18), (0, 0)])
def test_mcnemar_equals_statsmodels(gained: int, lost: int) -> None:
    ours = np.array([1] * gained + [0] * lost + [1] * 20, dtype=bool)
    theirs = np.array([0] * gained + [1] * lost + [1] * 20, dtype=bool)
    found = mcnemar(ours, theirs)
    expected = oracle([[20, gained], [lost, 0]], exact=True)
    assert (found.gained, found.lost) == (gained, lost)
    assert found.difference.p == pytest.approx(expected.pvalue)
    assert found.difference.low <= found.difference.value <= found.difference.high


def test_mid_p_counts_half_of_the_observed_outcome() -> None:
    """7 against 2, by hand: 2 · (1 + 9 + 36/2) / 2⁹."""
    ours = [True] * 7 + [False] * 2
    assert mcnemar(ours, np.logical_not(ours)).mid_p == pytest.approx(2 * (1 + 9 + 18) / 512)
    with pytest.raises(ValueError, match="not paired"):
        mcnemar([True], [True, False])


@pytest.mark.parametrize(
    ("gained", "lost", "by_hand"),
    [
        (0, 0, 1 - 1 / 2),
        (1, 1, 1 - 2 / 4 / 2),
        (2, 2, 1 - 6 / 16 / 2),
        (4, 4, 1 - 70 / 256 / 2),
        (1, 2, 2 * (1 + 3) / 8 - 3 / 8),
        (5, 0, 2 / 32 - 1 / 32),
        (0, 5, 2 / 32 - 1 / 32),
    ],
)
def test_mid_p_equals_values_computed_by_hand(gained: int, lost: int, by_hand: float) -> None:
    ours = np.array([1] * gained + [0] * lost + [1] * 20, dtype=bool)
    theirs = np.array([0] * gained + [1] * lost + [1] * 20, dtype=bool)
    assert mcnemar(ours, theirs).mid_p == pytest.approx(by_hand)


def test_systems_of_the_same_answers_do_not_differ() -> None:
    found = mcnemar([True, False, True], [True, False, True])
    assert found.difference.p == 1
    assert found.mid_p > 0.05
    assert "same examples" in found.difference.note


P = np.array([0.01, 0.04, math.nan, 0.03, 0.005, 0.2])


@pytest.mark.parametrize(("ours", "method"), [(holm, "holm"), (benjamini_hochberg, "fdr_bh")])
def test_corrections_equal_statsmodels(ours: object, method: str) -> None:
    found = ours(P)  # type: ignore[operator]
    assert math.isnan(found[2])
    known = ~np.isnan(P)
    np.testing.assert_allclose(found[known], multipletests(P[known], method=method)[1])


def test_holm_equals_r() -> None:
    """R: p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm")."""
    np.testing.assert_allclose(holm(np.array([0.01, 0.04, 0.03, 0.005])), [0.03, 0.06, 0.06, 0.02])


@pytest.mark.parametrize("n", [2, 3, 5, 10])
def test_detectable_mean_equals_statsmodels(n: int) -> None:
    expected = TTestPower().solve_power(nobs=n, alpha=0.05, power=0.8)
    assert detectable_mean(0.02, n) == pytest.approx(0.02 * expected, rel=1e-3)


def test_one_seed_detects_nothing() -> None:
    assert math.isnan(detectable_mean(0.02, 1))
    assert math.isnan(detectable_difference(20, 0.05))
    assert math.isnan(detectable_difference(2_000, 0.0))


def test_a_detectable_difference_is_detected_at_the_stated_power() -> None:
    n, disagreement = 1000, 0.2
    smallest = detectable_difference(n, disagreement)
    generator, seen = np.random.default_rng(0), 0
    for _ in range(300):
        differ = generator.binomial(n, disagreement)
        gained = generator.binomial(differ, 0.5 + smallest / disagreement / 2)
        ours = np.zeros(n, dtype=bool)
        ours[:gained] = True
        theirs = np.zeros(n, dtype=bool)
        theirs[gained:differ] = True
        seen += mcnemar(ours, theirs).mid_p < 0.05
    assert 0.72 < seen / 300 < 0.88
