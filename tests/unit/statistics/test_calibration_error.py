"""Intervals of expected calibration errors."""

from __future__ import annotations

import numpy as np
import pytest

from xstilts.metrics.calibration import BinnedAnswers, binned_answers
from xstilts.statistics.bootstrap import example_weights
from xstilts.statistics.calibration_error import calibration_draws, calibration_interval

N = 400
IDS = tuple(map(str, range(N)))


def answers(shift: float, seed: int = 0) -> BinnedAnswers:
    """Answers whose confidence is too high by a shift."""
    draw = np.random.default_rng(seed)
    confidence = draw.uniform(0.5, 1.0, N).round(4)
    return binned_answers(confidence, draw.random(N) < confidence - shift)


def interval(*runs: BinnedAnswers) -> tuple[float, float]:
    sums = [run.summed() for run in runs]
    variances = np.stack([one.variances for one in sums])
    return calibration_interval(
        calibration_draws(IDS, runs), [one.error for one in sums], variances
    )


def test_draws_are_the_errors_of_resampled_examples() -> None:
    runs = [answers(0.0), answers(0.1, 1)]
    drawn = calibration_draws(IDS, runs, 5)
    weights = np.concatenate([found for _, found in example_weights(IDS, 5)]).astype(int)
    for row, counts in enumerate(weights):
        rows = np.repeat(np.arange(N), counts)
        for column, run in enumerate(runs):
            again = binned_answers(run.confidences[rows], run.is_right[rows]).summed()
            assert drawn[row, column] == pytest.approx(again.error)


def test_perfect_calibration_is_inside_and_a_large_error_is_not() -> None:
    low, high = interval(answers(0.0))
    assert low == 0.0
    assert 0 < high < 0.1
    low, high = interval(answers(0.2))
    assert 0.1 < low < 0.2 < high < 0.3
    assert interval(answers(0.2)) == (low, high)


def test_an_error_of_zero_is_no_certainty() -> None:
    """900 of 1,000 answers are right, all with the probability 0.9."""
    run = binned_answers(np.full(N, 0.9), np.arange(N) < 0.9 * N)
    assert run.summed().error == pytest.approx(0.0)
    low, high = interval(run)
    assert low == 0.0
    assert high == pytest.approx(2.24 * (0.9 * 0.1 / N) ** 0.5, rel=0.1)


def test_an_interval_contains_the_error() -> None:
    for seed in range(20):
        run = answers(0.0, seed)
        low, high = interval(run)
        assert low <= run.summed().error <= high


def test_seeds_that_differ_widen_the_interval() -> None:
    equal, differ = (interval(answers(0.2), answers(shift)) for shift in (0.2, 0.3))
    assert differ[1] - differ[0] > equal[1] - equal[0]


def test_coverage_at_perfect_calibration() -> None:
    """A percentile interval never contains it."""
    covered = [interval(answers(0.0, seed))[0] == 0.0 for seed in range(20)]
    assert sum(covered) >= 18
