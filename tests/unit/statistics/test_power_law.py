"""Saturating curves, crossings and Shapley values on known answers."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import combinations, permutations

import numpy as np
import pytest
from scipy import stats

from xstilts.statistics.estimate import NO_VARIATION
from xstilts.statistics.power_law import RATES, Curve, crossing, fit
from xstilts.statistics.shapley import mixtures, random_orders, shapley

SIZES = np.repeat([1.0, 2, 4, 8, 16], 3)


def scores(
    asymptote: float, drop: float, rate: float, noise: float = 0.0, seed: int = 0
) -> np.ndarray:
    generator = np.random.default_rng(seed)
    return asymptote - drop * SIZES**-rate + generator.normal(0, noise, len(SIZES))


def test_a_noiseless_curve_is_recovered() -> None:
    curve = fit(SIZES, scores(0.8, 0.3, 0.7))
    assert (curve.asymptote, curve.drop) == pytest.approx((0.8, 0.3), abs=0.01)
    assert curve.rate == pytest.approx(0.7, rel=0.05)
    assert curve.at(4).value == pytest.approx(0.8 - 0.3 * 4**-0.7, abs=1e-3)
    gain = 0.3 * (4**-0.7 - 8**-0.7)
    assert curve.per_doubling(4).value == pytest.approx(gain, abs=1e-3)


def test_diminishing_returns_have_an_interval_above_zero() -> None:
    curve = fit(SIZES, scores(0.8, 0.3, 0.7, noise=0.005))
    gains = [curve.per_doubling(size) for size in (1, 2, 4, 8)]
    assert all(gain.low > 0 for gain in gains)
    assert [gain.value for gain in gains] == sorted((g.value for g in gains), reverse=True)
    assert curve.at(4).low < curve.at(4).value < curve.at(4).high


def test_interval_bounds_are_curves_at_the_fit_tolerance() -> None:
    """Of all curves through an end, the best leaves as much unexplained as F allows."""
    found = scores(0.8, 0.3, 0.7, noise=0.02)
    curve = fit(SIZES, found)
    best = ((found - curve.values(SIZES)) ** 2).sum()
    allowed = best * (1 + stats.f.ppf(0.95, 1, len(SIZES) - 3) / (len(SIZES) - 3))

    def least(size: float, value: float) -> float:
        assert curve.profile
        left = []
        for rate in curve.profile.rates:
            way = size**-rate - SIZES**-rate  # score - value = drop * way
            drop = way @ (found - value) / (way @ way)
            left.append(float(((found - value - drop * way) ** 2).sum()))
        return min(left)

    for size in (1.0, 4.0, 8.0):
        point = curve.at(size)
        assert least(size, point.low) == pytest.approx(allowed, rel=1e-6)
        assert least(size, point.high) == pytest.approx(allowed, rel=1e-6)
        assert least(size, point.value) < allowed


def test_the_interval_of_a_doubling_is_bounded_by_acceptable_curves() -> None:
    found = scores(0.8, 0.3, 0.7, noise=0.02)
    curve, gain = fit(SIZES, found), fit(SIZES, found).per_doubling(4)
    assert curve.profile
    left = []
    for end in (gain.low, gain.high):
        drops = end / (4**-curve.profile.rates - 8**-curve.profile.rates)
        rest = found + (drops * SIZES[:, None] ** -curve.profile.rates).T
        left.append(((rest - rest.mean(axis=1, keepdims=True)) ** 2).sum(axis=1).min())
    best = ((found - curve.values(SIZES)) ** 2).sum()
    allowed = best * (1 + stats.f.ppf(0.95, 1, len(SIZES) - 3) / (len(SIZES) - 3))
    assert left == pytest.approx([allowed, allowed], rel=1e-6)


def test_low_noise_does_not_make_intervals_too_narrow() -> None:
    """The grid of rates must be finer than what the scores tell apart."""
    held = 0
    for seed in range(100):
        limit = fit(SIZES, scores(0.7, 0.4, 0.5, noise=0.001, seed=seed)).limit()
        held += limit.low <= 0.7 <= limit.high
    assert held >= 88


def test_an_unidentified_limit_has_no_interval() -> None:
    rising = 0.1 * np.log(SIZES) + np.random.default_rng(0).normal(0, 0.02, len(SIZES))
    curve = fit(SIZES, rising)
    assert math.isnan(curve.limit().low)
    assert curve.rate > RATES[0]
    assert curve.limit().note.startswith("a curve that hardly levels off fits as well")
    assert curve.per_doubling(8).low > 0
    straight = fit(SIZES, rising + 0.05 * np.log(SIZES) ** 2)
    assert straight.rate == RATES[0]
    assert math.isnan(straight.limit().low)
    assert straight.limit().note.startswith("the curve does not bend like a power law")


def test_constant_scores_have_no_interval() -> None:
    flat = fit(SIZES, np.full(len(SIZES), 0.7))
    assert flat.at(4).value == pytest.approx(0.7)
    assert math.isnan(flat.at(4).low)
    assert NO_VARIATION in flat.at(4).note
    assert crossing(flat, fit(SIZES, scores(0.8, 0.4, 1.0))).note == NO_VARIATION


def test_curves_of_one_true_function_rarely_cross() -> None:
    claimed = 0
    for seed in range(100):
        turns = (scores(0.8, 0.4, 1.0, noise=0.003, seed=2 * seed + turn) for turn in (0, 1))
        claimed += not math.isnan(crossing(*(fit(SIZES, found) for found in turns)).low)
    assert claimed <= 5


def test_curves_with_equal_first_scores_cross_at_their_later_crossing() -> None:
    """As in the study of scaling, whose curves begin with the same runs."""
    one = scores(0.8, 0.4, 1.0, noise=0.002, seed=1)
    other = scores(1.0, 0.6, 0.5, noise=0.002, seed=2)  # both are 0.4 at 1 and 0.7 at 4
    other[SIZES == 1] = one[SIZES == 1]
    found = crossing(fit(SIZES, one), fit(SIZES, other))
    assert found.low < 4 < found.high
    assert found.value == pytest.approx(4, rel=0.1)


def test_crossings_beyond_the_data_are_noted() -> None:
    curve = fit(SIZES, scores(0.8, 0.3, 0.7, noise=0.005))
    assert curve.at(16).note == ""
    assert curve.per_doubling(16).note == "extrapolated beyond the largest size, 16"
    assert "beyond" in curve.limit().note


def test_too_few_sizes_give_a_note() -> None:
    curve = fit([1, 1, 2, 2, 4, 4], [1, 2, 3, 4, 5, 6])
    assert curve.note == "too few sizes for a conclusion: 3 of at least 4"
    assert math.isnan(curve.at(2).value)
    assert "too few" in crossing(curve, curve).note
    assert (
        fit([1, 2, 3, 4], [1, 2, 3, 4]).note == "too few points for a conclusion: 4 of at least 6"
    )
    with pytest.raises(ValueError, match="positive"):
        fit([0, 1], [1, 1])


def test_a_planted_crossing_is_recovered() -> None:
    """0.8 - 0.4 / x and 0.7 - 0.1 / x meet at x = 3."""
    one = fit(SIZES, scores(0.8, 0.4, 1.0, noise=0.005, seed=1))
    other = fit(SIZES, scores(0.7, 0.1, 1.0, noise=0.005, seed=2))
    found = crossing(one, other)
    assert found.value == pytest.approx(3, rel=0.1)
    assert found.low < 3 < found.high
    assert found.note == "they cross between 1 and 16"


def test_separate_curves_do_not_cross() -> None:
    one, other = (fit(SIZES, scores(top, 0.1, 1.0, noise=0.002)) for top in (0.8, 0.6))
    found = crossing(one, other)
    assert math.isnan(found.value)
    assert found.note == "no crossing between 1 and 16"
    assert crossing(one, Curve(note="none")).note == "none"
    assert crossing(replace(one, note="of its limit"), Curve(note="none")).note == "none"
    assert crossing(replace(one, largest=0.5), other).note == "no sizes in common"


WORTH = {"a": 0.05, "b": 0.02, "c": 0.0}


def value(subset: frozenset[str]) -> float:
    """Additive, but that a and b share a half of what b is worth."""
    return sum(WORTH[one] for one in subset) - 0.01 * ({"a", "b"} <= subset)


def game() -> dict[frozenset[str], float]:
    subsets = (frozenset(some) for k in range(4) for some in combinations("abc", k))
    return {one: value(one) for one in subsets}


def test_shapley_values_equal_hand_calculation() -> None:
    found = {share.task: share for share in shapley(game(), "abc")}
    assert [found[task].value for task in "abc"] == pytest.approx([0.045, 0.015, 0.0])
    assert all(share.standard_error == 0 for share in found.values())


def test_all_orders_give_the_exact_values() -> None:
    known = game()
    exact = shapley(known, "abc")
    del known[frozenset("c")]
    without = [order for order in permutations("abc") if order[0] != "c"]
    found = shapley(known, "abc", list(permutations("abc")))
    assert found[0].orders == len(without) == 4
    assert found[0].note == "mixtures without a score: c"
    assert sum(share.value for share in found) == pytest.approx(sum(one.value for one in exact))


def test_sampled_values_are_within_their_error() -> None:
    tasks = [f"t{number}" for number in range(8)]
    weights = np.random.default_rng(0).random(8)
    orders = random_orders(tasks, 60)
    assert len(set(orders)) == 60
    known = {
        subset: math.sqrt(sum(weights[tasks.index(one)] for one in subset))
        for subset in mixtures(orders)
    }
    everything = {
        frozenset(some): math.sqrt(sum(weights[tasks.index(one)] for one in some))
        for k in range(9)
        for some in combinations(tasks, k)
    }
    for found, exact in zip(shapley(known, tasks, orders), shapley(everything, tasks), strict=True):
        assert 0 < found.standard_error < 0.1
        assert abs(found.value - exact.value) < 3.5 * found.standard_error


def test_missing_mixtures_give_a_note() -> None:
    few = shapley({frozenset(): 0.5, frozenset("a"): 0.6}, "ab")
    assert math.isnan(few[0].value)
    assert few[0].note == "2 of 4 mixtures have no score"
    none = shapley({frozenset(): 0.5}, "ab", [("a", "b")])
    assert none[0].note == "mixtures without a score: a; a + b"
    assert random_orders("ab", 10) in ([("a", "b"), ("b", "a")], [("b", "a"), ("a", "b")])
