"""Rounding to bf16, and the bound of the error of products of rounded vectors."""

from __future__ import annotations

import numpy as np
import pytest

from xstilts.metrics.approximate_products import approximate_sides
from xstilts.metrics.bfloat16 import lowest_rounded_bits, round_to_bf16, widen


def test_rounding_is_to_the_nearest_and_to_even() -> None:
    values = np.array([1, 1 + 2**-8, 1 + 3 * 2**-8, 1.003, -1.003, 0, -0.0, 2**-130], dtype="f4")
    wanted = [1, 1, 1 + 2**-6, 1, -1, 0, 0, 2**-130]
    assert widen(round_to_bf16(values)).tolist() == wanted


def test_bits_of_a_number_above_a_floor_are_not_below_the_lowest() -> None:
    draw = np.random.default_rng(0)
    floors = np.concatenate([draw.uniform(-1, 1, 2000), 10.0 ** draw.uniform(-45, 0, 2000), [0.0]])
    lowest = lowest_rounded_bits(floors)
    for step in (0, 1e-9, 1e-7, 1e-5, 1e-3, 0.5):
        above = np.nextafter(np.float32(floors + step), np.float32(2))
        truncated = (above.view(np.uint32) >> 16).astype(np.uint16).view(np.int16)
        assert (round_to_bf16(above) >= lowest).all()
        assert (truncated >= lowest).all()


def test_the_lowest_bits_exclude_what_is_well_below_the_floor() -> None:
    floors = np.random.default_rng(0).uniform(0.01, 1, 1000)
    assert (round_to_bf16((floors * (1 - 2**-6)).astype("f4")) < lowest_rounded_bits(floors)).all()


def systematic(draw: np.random.Generator, rows: int, width: int) -> np.ndarray:
    """Rows whose numbers are all rounded in one direction, half of them down and half up."""
    down = widen(round_to_bf16(draw.uniform(0.5, 1, (rows, width)).astype("f4"))) + 0.49 * 2**-8
    return np.where(np.arange(rows)[:, None] % 2, down, down + 0.02 * 2**-8).astype("f4")


@pytest.mark.parametrize("width", [1, 24, 384, 1000])
@pytest.mark.parametrize("kind", ["normal", "one direction", "cancelling", "zeros", "tiny"])
def test_products_are_within_the_bound(kind: str, width: int) -> None:
    draw = np.random.default_rng(width)
    left, right = draw.standard_normal((2, 60, width)).astype("f4")
    if kind == "one direction":
        left, right = systematic(draw, 60, width), systematic(draw, 60, width)
    if kind == "cancelling":
        right[:, ::2] = 1e4
        left[:, 1::2] = -left[:, ::2][:, : width // 2]
        right[:, 1::2] = 1e4
    if kind == "zeros":
        left[::2] = 0
    if kind == "tiny":
        left *= np.float32(1e-36)
    both = approximate_sides(left, right)
    cosines, product = left @ right.T, np.zeros((60, 60), dtype="f4")
    for column in range(width + 4):  # one addition after the other, in fp32
        product += np.outer(widen(both.left.bits[:, column]), widen(both.right.bits[:, column]))
    error = np.abs(product.astype("f8") + both.constant - cosines)
    exact = ~np.any([(side == 0).all(axis=1) for side in (left, right)], axis=0)
    assert (error <= both.left.error[:, None])[exact].all()
    assert (error <= both.right.error[None])[exact].all()


def test_the_bound_is_not_far_above_the_largest_error() -> None:
    draw = np.random.default_rng(0)
    left, right = systematic(draw, 60, 384), systematic(draw, 60, 384)
    both = approximate_sides(left, right)
    cosines = left.astype("f8") @ right.astype("f8").T
    product = widen(both.left.bits).astype("f8") @ widen(both.right.bits).astype("f8").T
    error = np.abs(product + both.constant - cosines)
    assert error.max() > 0.05 * both.left.error.max()


def test_what_vectors_have_in_common_costs_no_precision() -> None:
    draw = np.random.default_rng(0)
    noise = draw.standard_normal((2, 60, 384))
    alone = approximate_sides(*noise.astype("f4"))
    shift = np.array([3.0, 5.0]).reshape(2, 1, 1)
    together = approximate_sides(*(noise + shift).astype("f4"))
    assert together.left.error.max() < 2 * alone.left.error.max()


def test_vectors_of_zeros_have_no_error() -> None:
    draw = np.random.default_rng(0)
    left, right = draw.standard_normal((2, 5, 8)).astype("f4")
    left[2] = 0
    error = approximate_sides(left, right).left.error
    assert (error == 0).tolist() == [False, False, True, False, False]
