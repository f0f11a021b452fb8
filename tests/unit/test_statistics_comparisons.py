"""Comparisons of systems: bootstrap, languages and seeds, McNemar, corrections, power."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar as oracle
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower

from xstilts.statistics.bootstrap import accelerated, paired, percentiles, two_sided
from xstilts.statistics.hierarchical import over_languages_and_seeds
from xstilts.statistics.mcnemar import mcnemar
from xstilts.statistics.multiple import benjamini_hochberg, holm
from xstilts.statistics.power import detectable_difference, detectable_mean


def test_two_sided_p() -> None:
    assert two_sided(np.array([-1.0, 1, 2, 3])) == pytest.approx(2 * 2 / 5)
    assert two_sided(np.zeros(9)) == 1.0


def test_equal_systems_differ_by_nothing() -> None:
    hits = np.random.default_rng(0).random(50) < 0.5
    found = paired(hits, hits, draws=200)
    assert (found.value, found.low, found.high, found.p) == (0, 0, 0, 1)


def test_a_paired_interval_is_as_wide_as_theory_has_it() -> None:
    generator = np.random.default_rng(1)
    ours, theirs = generator.standard_normal((2, 400))
    found = paired(ours, theirs, draws=4000)
    width = 2 * 1.96 * (ours - theirs).std() / 20
    assert found.high - found.low == pytest.approx(width, rel=0.06)
    assert found == paired(ours, theirs, draws=4000)
    assert "examples" in paired([1, 0], [0, 1]).note


def test_accelerated_intervals_are_scipys() -> None:
    """On the same draws, for a skewed statistic."""
    data = np.random.default_rng(0).exponential(size=25)
    theirs = stats.bootstrap((data,), np.var, n_resamples=3000, method="BCa", rng=1)
    without = np.array([np.var(np.delete(data, k)) for k in range(25)])
    ours = accelerated(theirs.bootstrap_distribution, float(np.var(data)), without)
    assert ours == pytest.approx(tuple(theirs.confidence_interval), rel=0.02)
    assert ours[0] > percentiles(theirs.bootstrap_distribution)[0]


def test_one_language_is_a_t_test_over_seeds() -> None:
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


def test_variance_of_a_crossed_table_by_hand() -> None:
    """Rows 1, 5 and columns -1, 1 without noise: mean squares 16 and 4, of 4 cells."""
    found = over_languages_and_seeds([[0.0, 2.0], [4.0, 6.0]])
    variance = (16 + 4 - 0) / 4
    freedom = variance**2 / (4**2 / 1 + 1**2 / 1)
    width = stats.t.ppf(0.975, freedom) * math.sqrt(variance)
    assert (found.low, found.high) == pytest.approx((3 - width, 3 + width))


def test_languages_with_a_missing_seed_are_told() -> None:
    found = over_languages_and_seeds([[1.0, 2.0], [3.0, math.nan], [2.0, 2.5]])
    assert found.note == "1 of 3 languages left out: not all seeds have a score"
    assert found.n == 4
    assert "too few" in over_languages_and_seeds([[1.0]]).note
    assert "too few seeds" in over_languages_and_seeds([[1.0], [2.0]], fixed_languages=True).note
    assert over_languages_and_seeds([[0.5, 0.5]]).p == 0


@pytest.mark.parametrize(("gained", "lost"), [(7, 2), (4, 4), (0, 6), (30, 18), (0, 0)])
def test_mcnemar_is_statsmodels(gained: int, lost: int) -> None:
    ours = np.array([1] * gained + [0] * lost + [1] * 20, dtype=bool)
    theirs = np.array([0] * gained + [1] * lost + [1] * 20, dtype=bool)
    found = mcnemar(ours, theirs)
    expected = oracle([[20, gained], [lost, 0]], exact=True)
    assert (found.gained, found.lost) == (gained, lost)
    assert found.difference.p == pytest.approx(expected.pvalue)
    assert found.difference.low <= found.difference.value <= found.difference.high


def test_the_mid_p_counts_half_of_what_was_seen() -> None:
    """7 against 2, by hand: 2 · (1 + 9 + 36/2) / 2⁹."""
    ours = [True] * 7 + [False] * 2
    assert mcnemar(ours, np.logical_not(ours)).mid_p == pytest.approx(2 * (1 + 9 + 18) / 512)
    with pytest.raises(ValueError, match="not paired"):
        mcnemar([True], [True, False])


P = np.array([0.01, 0.04, math.nan, 0.03, 0.005, 0.2])


@pytest.mark.parametrize(("ours", "method"), [(holm, "holm"), (benjamini_hochberg, "fdr_bh")])
def test_corrections_are_statsmodels(ours: object, method: str) -> None:
    found = ours(P)  # type: ignore[operator]
    assert math.isnan(found[2])
    known = ~np.isnan(P)
    np.testing.assert_allclose(found[known], multipletests(P[known], method=method)[1])


def test_holm_as_in_r() -> None:
    """R: p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm")."""
    np.testing.assert_allclose(holm(np.array([0.01, 0.04, 0.03, 0.005])), [0.03, 0.06, 0.06, 0.02])


@pytest.mark.parametrize("n", [2, 3, 5, 10])
def test_detectable_mean_is_statsmodels(n: int) -> None:
    expected = TTestPower().solve_power(nobs=n, alpha=0.05, power=0.8)
    assert detectable_mean(0.02, n) == pytest.approx(0.02 * expected, rel=1e-3)


def test_one_seed_detects_nothing() -> None:
    assert math.isnan(detectable_mean(0.02, 1))
    assert math.isnan(detectable_difference(20, 0.05))
    assert math.isnan(detectable_difference(2_000, 0.0))


def test_a_detectable_difference_is_detected_so_often() -> None:
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
