"""Pearson's and Spearman's correlations against scipy, also of resampled examples."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import pytest
from scipy import stats

from xstilts.metrics import METRICS
from xstilts.metrics.correlation import resampled_spearman, spearman_statistics

REFERENCE = {"pearson": stats.pearsonr, "spearman": stats.spearmanr}


def score(name: str, gold: list[float], predicted: list[float]) -> float:
    metric = METRICS.get(name)
    return float(metric.value(metric.statistics(gold, predicted, "en").sum(0)))


def numbers(seed: int, n: int = 40) -> tuple[list[float], list[float]]:
    """Gold numbers with many ties, and predictions with and without ties."""
    generator = np.random.default_rng(seed)
    gold = generator.integers(0, 6, n).astype(float)
    predicted = gold + generator.normal(size=n)
    return gold.tolist(), (predicted if seed % 2 else np.round(predicted)).tolist()


@pytest.mark.parametrize("name", REFERENCE)
@pytest.mark.parametrize("seed", range(6))
def test_correlations_equal_scipys(name: str, seed: int) -> None:
    gold, predicted = numbers(seed)
    expected = REFERENCE[name](gold, predicted).statistic
    assert score(name, gold, predicted) == pytest.approx(expected, abs=1e-12)


def test_ties_share_the_mean_of_their_ranks() -> None:
    assert score("spearman", [1, 2, 2, 3], [1, 2, 2, 3]) == pytest.approx(1)
    assert score("spearman", [1, 2, 2, 3], [1, 2, 3, 4]) == pytest.approx(0.9486833)


@pytest.mark.parametrize("name", REFERENCE)
def test_the_opposite_order_scores_minus_one(name: str) -> None:
    assert score(name, [0, 1, 2, 3], [3, 2, 1, 0]) == pytest.approx(-1)
    assert METRICS.get(name).lowest == -1


@pytest.mark.parametrize("name", REFERENCE)
@pytest.mark.parametrize(
    ("gold", "predicted"),
    [
        ([1.0, 2.0, 3.0], [2.5, 2.5, 2.5]),
        ([1.0, 2.0, 3.0], [2.5, 2.5 + 1e-7, 2.5 - 1e-7]),  # the noise of 32-bit floats
        ([2.0, 2.0, 2.0], [1.0, 2.0, 3.0]),
        ([1.0, 2.0, 3.0], [math.nan, 1.0, 2.0]),
    ],
)
def test_a_correlation_without_variance_is_not_a_number(
    name: str, gold: list[float], predicted: list[float]
) -> None:
    assert math.isnan(score(name, gold, predicted))


def test_large_and_close_numbers_lose_no_digits() -> None:
    gold, predicted = numbers(1)
    shifted = [1e6 + number for number in gold]
    assert score("pearson", shifted, predicted) == pytest.approx(score("pearson", gold, predicted))


@pytest.mark.parametrize("name", REFERENCE)
@pytest.mark.parametrize("n", [4, 40])
def test_resamples_are_scored_as_if_drawn_and_scored_again(name: str, n: int) -> None:
    gold, predicted = numbers(2, n)
    generator = np.random.default_rng(0)
    draws = generator.integers(n, size=(50, n))
    weights = np.stack([np.bincount(draw, minlength=n) for draw in draws]).astype(float)
    metric = METRICS.get(name)
    table = metric.statistics(gold, predicted, "")
    ours: Any = (
        metric.resampled(weights, table) if metric.resampled else metric.value(weights @ table)
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scipy warns of resamples without variance
        expected = [
            REFERENCE[name](np.array(gold)[draw], np.array(predicted)[draw]).statistic
            for draw in draws
        ]
    np.testing.assert_allclose(ours, expected, atol=1e-9)


def test_ranks_of_all_examples_would_score_resamples_differently() -> None:
    gold, predicted = numbers(3)
    table = spearman_statistics(gold, predicted, "")
    weights = np.zeros((1, len(gold)))
    weights[0, :5] = 8
    fixed = METRICS.get("spearman").value(weights @ table)
    assert abs(float(resampled_spearman(weights, table)[0] - fixed[0])) > 1e-3
