"""Expected calibration error, compared with sums on paper and a loop over examples."""

from __future__ import annotations

import math

import numpy as np
import pytest

from xstilts.metrics.calibration import (
    BINS,
    binned_answers,
    summed_bins,
)


def ece(pairs: list[tuple[float, bool]], bins: int = BINS) -> float:
    right = np.array([right for _, right in pairs], dtype=bool)
    return binned_answers(np.array([p for p, _ in pairs]), right, bins).summed().error


def test_two_bins_by_hand() -> None:
    """(0.5, 1]: confidence 0.8, accuracy 1/2, two of four. (0, 0.5]: 0.4 and 1/2."""
    pairs = [(0.9, True), (0.7, False), (0.45, False), (0.35, True)]
    assert ece(pairs, 2) == pytest.approx(2 / 4 * 0.3 + 2 / 4 * 0.1)


def test_fifteen_bins_by_hand() -> None:
    """0.95 and 0.97 share the last bin: |1/2 - 0.96|. 0.62 is alone in its own: |1 - 0.62|."""
    assert ece([(0.95, True), (0.97, False), (0.62, True)]) == pytest.approx(
        (2 * 0.46 + 1 * 0.38) / 3
    )


def test_errors_of_opposite_sign_cancel_within_a_bin_only() -> None:
    assert ece([(0.5, True), (0.5, False)]) == pytest.approx(0.0)
    assert ece([(0.4, True), (0.6, False)]) == pytest.approx(0.6)


def test_certain_and_right_is_calibrated_and_certain_and_wrong_is_not() -> None:
    assert ece([(1.0, True)] * 3) == 0.0
    assert ece([(1.0, False)] * 3) == 1.0


@pytest.mark.parametrize(("probability", "place"), [(0.0, 0), (0.2, 2), (0.2001, 3), (1.0, 14)])
def test_an_edge_belongs_to_the_lower_bin(probability: float, place: int) -> None:
    bins = binned_answers(np.array([probability]), np.array([True])).summed()
    assert bins.counts.tolist() == [int(number == place) for number in range(BINS)]


def test_a_loop_over_examples_gives_the_same() -> None:
    draw = np.random.default_rng(0)
    chance = draw.uniform(0.3, 1.0, 500).round(4)
    right = draw.uniform(size=500) < chance**2
    total = 0.0
    for number in range(15):
        low, high = number / 15, (number + 1) / 15
        inside = [i for i in range(500) if low < chance[i] <= high]
        if inside:
            gap = np.mean([right[i] for i in inside]) - np.mean([chance[i] for i in inside])
            total += len(inside) / 500 * abs(gap)
    bins = binned_answers(chance, right).summed()
    assert bins.error == pytest.approx(total)
    assert bins.accuracy == pytest.approx(right.mean())
    assert bins.confidence == pytest.approx(chance.mean())


def test_bins_of_several_sets_are_those_of_their_union() -> None:
    draw = np.random.default_rng(1)
    chance, right = draw.uniform(size=60), draw.uniform(size=60) < 0.5
    parts = [
        binned_answers(chance[at : at + 20], right[at : at + 20]).summed() for at in (0, 20, 40)
    ]
    assert summed_bins(parts).error == pytest.approx(binned_answers(chance, right).summed().error)


def test_no_examples_have_no_error() -> None:
    assert math.isnan(ece([]))


@pytest.mark.parametrize("bad", [1.01, -0.1, float("nan")])
def test_what_is_no_probability_is_refused(bad: float) -> None:
    with pytest.raises(ValueError, match="outside"):
        ece([(bad, True)])


def test_other_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="2 probabilities for 1"):
        binned_answers(np.array([0.5, 0.5]), np.array([True])).summed()


def test_chance_alone_gives_about_the_expected_error_of_calibrated_predictions() -> None:
    """The mean over drawn answers of 60 predictions in three bins."""
    draw = np.random.default_rng(2)
    chance = np.repeat([0.55, 0.75, 0.95], 20)
    drawn = [
        binned_answers(chance, draw.uniform(size=60) < chance).summed().error for _ in range(400)
    ]
    expected = binned_answers(chance, np.ones(60, dtype=bool)).summed().chance_error
    assert expected == pytest.approx(float(np.mean(drawn)), rel=0.1)
