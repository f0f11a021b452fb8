"""The search that computes few cosines returns the bits of the one that computes all."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest

from xstilts.core import cpu
from xstilts.metrics import approximate_products, knn
from xstilts.metrics import filtered_knn as filtered
from xstilts.metrics.approximate_products import approximate_sides
from xstilts.metrics.bfloat16 import Bits, round_to_bf16, widen
from xstilts.metrics.bitext_mining import mine_pairs

BLOCK = 16


@pytest.fixture(autouse=True)
def _blocks(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Small blocks, on one core."""
    monkeypatch.setattr(knn, "BLOCK", BLOCK)
    filtered.gathering_keeps_bits.cache_clear()
    yield
    filtered.gathering_keeps_bits.cache_clear()
    cpu.set_core_limit(1)


def bf16_product(left: Bits, right: Bits, out: Bits) -> None:
    out[:] = round_to_bf16(np.matmul(widen(left), widen(right).T))


def unrelated(draw: np.random.Generator, rows: int) -> np.ndarray:
    return draw.standard_normal((rows, 24)).astype(np.float32)


def translations(draw: np.random.Generator, rows: int) -> np.ndarray:
    """Rows near one of few directions, as those of sentence encoders are."""
    centers = draw.standard_normal((9, 24)) + 2
    return (centers[draw.integers(0, 9, rows)] + draw.normal(size=(rows, 24))).astype(np.float32)


def near_ties(draw: np.random.Generator, rows: int) -> np.ndarray:
    """Rows in groups of about eight, nearer to each other than bf16 can resolve."""
    centers = np.random.default_rng(5).standard_normal((rows // 8, 24))
    noise = 10.0 ** draw.uniform(-7, -3, (rows, 1)) * draw.standard_normal((rows, 24))
    return (centers[draw.integers(0, len(centers), rows)] + noise).astype(np.float32)


def exact_ties(draw: np.random.Generator, rows: int) -> np.ndarray:
    """Rows of four signs: all cosines are exact, and most are equal."""
    return draw.choice([-1.0, 1.0], (rows, 4)).astype(np.float32)


def opposite(draw: np.random.Generator, rows: int) -> np.ndarray:
    """Rows whose cosines with those of the next call are negative."""
    sign = opposite.sign = -getattr(opposite, "sign", 1)  # type: ignore[attr-defined]
    return np.abs(draw.standard_normal((rows, 24))).astype(np.float32) * np.float32(sign)


def with_zero_rows(draw: np.random.Generator, rows: int) -> np.ndarray:
    vectors = unrelated(draw, rows)
    vectors[draw.random(rows) < 0.2] = 0
    return vectors


def equal_rows(draw: np.random.Generator, rows: int) -> np.ndarray:
    return np.repeat(draw.standard_normal((1, 24)), rows, axis=0).astype(np.float32)


KINDS: list[Callable[[np.random.Generator, int], np.ndarray]] = [
    *(unrelated, translations, near_ties, exact_ties, opposite, with_zero_rows, equal_rows)
]


def bits(both: tuple[knn.Neighbors, knn.Neighbors]) -> list[bytes]:
    return [array.tobytes() for side in both for array in (side.cosine, side.index)]


@pytest.mark.parametrize("cores", [1, 2, 5])
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_neighbours_have_the_bits_of_brute_force(
    kind: Callable[[np.random.Generator, int], np.ndarray], cores: int
) -> None:
    for seed, (rows, columns, k) in enumerate([(163, 150, 4), (64, 230, 1), (250, 80, 7)]):
        draw = np.random.default_rng(seed)
        left, right = kind(draw, rows), kind(draw, columns)
        cpu.set_core_limit(1)
        expected = knn.bidirectional_knn(left, right, k)
        cpu.set_core_limit(cores)
        assert bits(filtered.filtered_knn(left, right, k, bf16_product)) == bits(expected)


def worst_product(left: np.ndarray, right: np.ndarray) -> Callable[[Bits, Bits, Bits], None]:
    """A product that raises small cosines and lowers high ones as far as the bound allows."""
    sides = knn.unit(left), knn.unit(right)
    both = approximate_sides(*sides)
    rows_of = [
        {row.tobytes(): n for n, row in enumerate(side.bits)} for side in (both.left, both.right)
    ]
    error = np.minimum(both.left.error[:, None], both.right.error[None])
    cosines = sides[0].astype(np.float64) @ sides[1].astype(np.float64).T
    middle = np.quantile(cosines, 0.95, axis=1, keepdims=True)
    moved = cosines - both.constant + np.where(cosines > middle, -0.98, 0.98) * error

    def product(queries: Bits, candidates: Bits, out: Bits) -> None:
        rows, columns = (
            [numbers[row.tobytes()] for row in block]
            for numbers, block in zip(rows_of, (queries, candidates), strict=True)
        )
        out[:] = round_to_bf16(moved[np.ix_(rows, columns)].astype(np.float32))

    return product


@pytest.mark.parametrize("kind", [unrelated, translations], ids=lambda kind: kind.__name__)
def test_the_largest_error_within_the_bound_changes_no_bit(
    kind: Callable[[np.random.Generator, int], np.ndarray],
) -> None:
    draw = np.random.default_rng(3)
    left, right = kind(draw, 200), kind(draw, 180)
    result = filtered.filtered_knn(left, right, 4, worst_product(left, right))
    assert bits(result) == bits(knn.bidirectional_knn(left, right, 4))


def test_a_bound_of_zero_would_miss_neighbours(monkeypatch: pytest.MonkeyPatch) -> None:
    """So the tests above would notice a bound that is too small."""
    draw = np.random.default_rng(3)
    left, right = translations(draw, 200), translations(draw, 180)
    product = worst_product(left, right)
    monkeypatch.setattr(approximate_products, "_error", lambda one, _: np.full(len(one.bits), 1e-9))
    result = filtered.filtered_knn(left, right, 4, product)
    assert bits(result) != bits(knn.bidirectional_knn(left, right, 4))


def counted_blocks(monkeypatch: pytest.MonkeyPatch) -> list[knn.Block]:
    computed: list[knn.Block] = []
    add_cosines = knn.add_cosines

    def counting(left: knn.Vectors, right: knn.Vectors, block: knn.Block, *rest: object) -> None:
        computed.append(block)
        add_cosines(left, right, block, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(knn, "add_cosines", counting)
    return computed


def test_most_blocks_are_not_computed_in_fp32(monkeypatch: pytest.MonkeyPatch) -> None:
    draw = np.random.default_rng(0)
    left, right = unrelated(draw, 40 * BLOCK), unrelated(draw, 40 * BLOCK)
    computed = counted_blocks(monkeypatch)
    filtered.filtered_knn(left, right, 1, bf16_product)
    assert len(computed) < 40 * 40 / 4


def test_blocks_of_too_many_near_ties_are_computed_in_fp32(monkeypatch: pytest.MonkeyPatch) -> None:
    draw = np.random.default_rng(0)
    vectors = equal_rows(draw, 6 * BLOCK) + 1e-6 * unrelated(draw, 6 * BLOCK)
    computed = counted_blocks(monkeypatch)
    monkeypatch.setattr(filtered, "PAIRS_PER_ROW", 2)
    result = filtered.filtered_knn(vectors, vectors, 3, bf16_product)
    assert len(computed) == 6 * 6
    assert bits(result) == bits(knn.bidirectional_knn(vectors, vectors, 3))


def test_small_collections_need_no_approximate_product() -> None:
    def refused(*_: object) -> None:
        raise AssertionError

    draw = np.random.default_rng(0)
    left, right = unrelated(draw, 3 * BLOCK), unrelated(draw, 30 * BLOCK)
    result = filtered.filtered_knn(left, right, 4, refused)
    assert bits(result) == bits(knn.bidirectional_knn(left, right, 4))


def test_a_blas_whose_bits_depend_on_the_shape_is_not_trusted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def other_bits(left: np.ndarray, right: np.ndarray, out: object = None) -> np.ndarray:
        return left @ right.T + np.float32(len(right) * 1e-6)

    assert filtered.gathering_keeps_bits(24)
    filtered.gathering_keeps_bits.cache_clear()
    monkeypatch.setattr(filtered, "tiled_matmul", other_bits)
    assert not filtered.gathering_keeps_bits(24)


def test_mined_pairs_have_the_bits_of_brute_force() -> None:
    draw = np.random.default_rng(7)
    source, target = translations(draw, 140), translations(draw, 150)
    plain, fast = mine_pairs(source, target, 4), mine_pairs(source, target, 4, bf16_product)
    for name in ("source", "target", "score"):
        assert getattr(plain, name).tobytes() == getattr(fast, name).tobytes()
