"""Rank correlations, their p values and influence, against scipy and by hand."""

from __future__ import annotations

import math
from itertools import permutations

import numpy as np
import pytest
from scipy import stats

from xstilts.statistics.association import (
    _partial_correlation,
    associate,
    detectable_correlation,
    leave_one_out,
    partial,
    points_needed,
)
from xstilts.statistics.correlation import kendall, spearman
from xstilts.statistics.permutation import orders, p_value, subsets


def sample(n: int, seed: int = 0, ties: bool = False) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    x = generator.standard_normal(n)
    y = x + generator.standard_normal(n)
    return (x.round(), y.round()) if ties else (x, y)


@pytest.mark.parametrize("ties", [False, True])
def test_correlations_equal_scipy(ties: bool) -> None:
    x, y = sample(12, ties=ties)
    assert spearman(x, y) == pytest.approx(stats.spearmanr(x, y).statistic)
    assert kendall(x, y) == pytest.approx(stats.kendalltau(x, y).statistic)


def test_an_exact_p_counts_all_permutations() -> None:
    x, y = sample(6, seed=3)
    rho = stats.spearmanr(x, y).statistic
    all_of_them = [stats.spearmanr(x, order).statistic for order in permutations(y)]
    share = np.mean(np.abs(all_of_them) >= abs(rho) - 1e-9)
    assert associate(x, y).p == pytest.approx(share)
    assert associate(x, y, "kendall").p == pytest.approx(
        stats.kendalltau(x, y, method="exact").pvalue
    )


def test_a_sampled_p_is_close_to_the_exact_one_and_never_zero() -> None:
    x, y = sample(10, seed=5)
    exact = stats.kendalltau(x, y, method="exact").pvalue
    assert associate(x, y, "kendall").p == pytest.approx(exact, abs=0.01)
    assert associate(range(12), range(12), draws=99).p == pytest.approx(1 / 100)


def test_the_same_points_give_the_same_estimate() -> None:
    x, y = sample(11)
    assert associate(x, y) == associate(x, y)
    assert associate(x, y).low < associate(x, y).value < associate(x, y).high


def test_too_few_points_give_a_note() -> None:
    found = associate([1, 2, 3, math.nan, 5], [1, 2, 3, 4, math.nan])
    assert math.isnan(found.value)
    assert not found.significant
    assert found.note == "too few points for a conclusion: 3 of at least 5"
    assert "is constant" in associate([1] * 6, range(6)).note
    with pytest.raises(ValueError, match="x 2, y 3"):
        associate([1, 2], [1, 2, 3])


def test_partial_correlation_follows_the_textbook_formula() -> None:
    x, y = sample(14, seed=1)
    z = x + np.random.default_rng(2).standard_normal(14)
    xy, xz, yz = (stats.spearmanr(*pair).statistic for pair in ((x, y), (x, z), (y, z)))
    by_hand = (xy - xz * yz) / math.sqrt((1 - xz**2) * (1 - yz**2))
    found = partial(x, y, {"size": z})
    assert found.value == pytest.approx(by_hand)
    assert found.low < found.value < found.high


def test_partial_correlation_without_covariates_is_spearman() -> None:
    x, y = sample(9)
    assert partial(x, y, {}).value == pytest.approx(associate(x, y).value)


def test_partial_correlation_removes_what_a_covariate_explains() -> None:
    generator = np.random.default_rng(0)
    size = generator.standard_normal(40)
    x, y = (size + 0.3 * generator.standard_normal(40) for _ in range(2))
    assert associate(x, y).significant
    assert not partial(x, y, {"size": size}).significant
    assert "covariates explain all variance" in partial(size, y, {"size": size}).note


@pytest.mark.parametrize("sign", [1, -1])
def test_perfect_rank_agreement_remains_given_any_covariate(sign: int) -> None:
    x, y = sample(8)
    found = partial(x, sign * x, {"size": y})
    assert found.value == pytest.approx(sign)
    assert found.p < 0.001
    assert found.note == "every draw has the same correlation: no interval"
    assert math.isnan(found.low)


@pytest.mark.parametrize("swaps", [[1, 0, 2, 3, 4, 5, 6, 7], [1, 0, 2, 4, 3, 5, 6, 7]])
def test_the_interval_of_a_high_partial_correlation_excludes_zero(swaps: list[int]) -> None:
    """Spearman's rho is 0.98 and 0.95; draws of points without the swapped ones have 1."""
    found = partial(range(8), swaps, {"size": sample(8)[1]}, draws=99)
    assert 0 < found.low <= found.value <= found.high <= 1


@pytest.mark.parametrize("n", [6, 8])
def test_constant_covariates_are_excluded_and_named(n: int) -> None:
    x, y = sample(n, seed=4)
    z = sample(n, seed=9)[0]
    left_out = "constant or collinear covariates left out: "
    alone, found = partial(x, y, {}), partial(x, y, {"format": np.zeros(n)})
    assert (found.value, found.low, found.p) == (alone.value, alone.low, alone.p)
    assert found.note == f"{left_out}format"
    once = partial(x, y, {"size": z})
    twice = partial(x, y, {"size": z, "length": z**3, "one": z * 0})
    assert twice.note == f"{left_out}length, one"
    assert (twice.value, twice.n) == (pytest.approx(once.value), n)
    assert twice.low == pytest.approx(once.low)


def test_sampled_partial_correlations_follow_the_textbook_formula() -> None:
    """The formula of pairs, on draws in which nothing is equal to a covariate."""
    table = np.random.default_rng(0).standard_normal((20, 9, 3))
    for rows, found in zip(table, _partial_correlation(table), strict=True):
        xy, xz, yz = (stats.spearmanr(*rows[:, k].T).statistic for k in ([0, 1], [0, 2], [1, 2]))
        by_hand = (xy - xz * yz) / math.sqrt((1 - xz**2) * (1 - yz**2))
        assert found == pytest.approx(by_hand)


def test_the_outlier_has_the_largest_influence() -> None:
    x = [1, 2, 3, 4, 5, 6, 7]
    y = [1, 2, 3, 4, 5, 6, 0]
    first, *_ = leave_one_out(list("abcdefg"), x, y)
    assert (first.name, first.without) == ("g", pytest.approx(1.0))
    assert first.change == pytest.approx(1 - stats.spearmanr(x, y).statistic)


@pytest.mark.parametrize("kind", ["spearman", "kendall"])
def test_the_required_sample_size_gives_the_requested_power(kind: str) -> None:
    """Bivariate normal points, by scipy's own test; power 0.8."""
    rho = 0.6
    truth = {"spearman": 6 / np.pi * np.arcsin(rho / 2), "kendall": 2 / np.pi * np.arcsin(rho)}
    test = {"spearman": stats.spearmanr, "kendall": stats.kendalltau}[kind]
    n, generator, seen = points_needed(truth[kind], kind), np.random.default_rng(0), 0  # type: ignore[arg-type]
    for _ in range(300):
        x, noise = generator.standard_normal((2, n))
        seen += test(x, rho * x + math.sqrt(1 - rho**2) * noise).pvalue < 0.05
    assert 0.72 < seen / 300 < 0.88


def test_detectable_correlation_is_the_inverse() -> None:
    smallest = detectable_correlation(15)
    assert points_needed(smallest) <= 15 < points_needed(smallest - 0.01)
    assert math.isnan(detectable_correlation(3))
    with pytest.raises(ValueError, match="correlation must be"):
        points_needed(0)


def test_permutations_are_enumerated_or_sampled() -> None:
    assert orders(4, 5, 0)[0].shape == (24, 4)
    assert orders(9, 50, 0)[0].shape == (50, 9)
    every, listed = subsets(5, 2, 7, 0)
    assert (every.shape, listed) == ((10, 5), True)
    assert len(np.unique(every, axis=0)) == 10
    some, listed = subsets(30, 15, 7, 0)
    assert (some.shape, listed) == ((7, 30), False)
    assert (some.sum(axis=1) == 15).all()
    assert p_value(2, np.array([-3.0, 1, 0, 2]), exhaustive=True) == 0.5
    assert p_value(2, np.array([-3.0, 1, 0, 2]), exhaustive=False) == 3 / 5
