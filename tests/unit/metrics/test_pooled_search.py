"""The search in one pool equals brute force, and its ties go against right answers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from xstilts.core import cpu
from xstilts.core.errors import DataError
from xstilts.metrics.average_precision import MAP_AT_20, average_precision
from xstilts.metrics.pooled_search import (
    answers_by_key,
    equal_candidates,
    nearest_candidates,
    ranked_answers,
)

DEPTH = 20


@pytest.fixture(params=[1, 3], ids=["one core", "three cores"])
def _cores(request: pytest.FixtureRequest) -> Iterator[None]:
    cpu.set_core_limit(request.param)
    yield
    cpu.set_core_limit(1)


def vectors(seed: int, rows: int, width: int = 8) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((rows, width)).astype(np.float32)


def brute_force(queries: np.ndarray, pool: np.ndarray) -> np.ndarray:
    left, right = (one / np.linalg.norm(one, axis=1, keepdims=True) for one in (queries, pool))
    cosines = left.astype(np.float64) @ right.T.astype(np.float64)
    return np.argsort(-cosines, axis=1, kind="stable")


@pytest.mark.usefixtures("_cores")
def test_the_nearest_candidates_equal_brute_force_over_several_parts() -> None:
    queries, pool = vectors(1, 70), vectors(2, 5000)
    parts = [pool[:1], pool[1:1500], pool[1500:4900], pool[4900:]]
    nearest = nearest_candidates(queries, parts, 25)
    assert nearest.index.tolist() == brute_force(queries, pool)[:, :25].tolist()


@pytest.mark.usefixtures("_cores")
def test_the_division_into_parts_changes_no_bit() -> None:
    queries, pool = vectors(1, 30), vectors(2, 3000)
    whole = nearest_candidates(queries, [pool], 21)
    divided = nearest_candidates(queries, [pool[:7], pool[7:2100], pool[2100:]], 21)
    assert whole.cosine.tobytes() == divided.cosine.tobytes()
    assert whole.index.tobytes() == divided.index.tobytes()


def test_a_pool_smaller_than_k_is_returned_in_full() -> None:
    nearest = nearest_candidates(vectors(1, 3), [vectors(2, 2), vectors(3, 2)], 20)
    assert sorted(nearest.index[0].tolist()) == [0, 1, 2, 3]


def test_a_vector_that_is_not_finite_is_an_error() -> None:
    pool = vectors(2, 5)
    pool[3, 0] = np.nan
    with pytest.raises(DataError, match="1 of 5"):
        nearest_candidates(vectors(1, 3), [pool], 2)


def test_a_memory_mapped_pool_is_read_in_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from xstilts.metrics import pooled_search

    rows, width = 60_000, 16
    path = tmp_path / "pool.npy"
    pool = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=(rows, width))
    pool[:] = vectors(5, rows, width)
    largest = 0
    normalize = pooled_search.unit

    def measured(part: np.ndarray) -> np.ndarray:
        nonlocal largest
        largest = max(largest, len(part))
        return normalize(part)

    monkeypatch.setattr(pooled_search, "unit", measured)
    mapped = np.load(path, mmap_mode="r").view(np.ndarray)
    queries = vectors(6, 40, width)
    nearest = nearest_candidates(queries, [mapped], 21)
    assert nearest.index.tolist() == brute_force(queries, pool)[:, :21].tolist()
    assert largest <= 1024


def one_query(
    cosines: list[float], right: list[int], depth: int = DEPTH, equals: tuple[int, ...] = ()
) -> tuple[list[int], int]:
    """Ranks of the right answers of a query with these cosines to the candidates."""
    pool = np.array([[cosine, np.sqrt(1 - cosine**2)] for cosine in cosines], dtype=np.float32)
    query = np.array([[1, 0]], dtype=np.float32)
    answers = [np.array(right, dtype=np.int64)]
    nearest = nearest_candidates(query, [pool], depth + len(right) + len(equals))
    same = [np.array(equals, dtype=np.int64)]
    ((candidates, ranks),) = ranked_answers(nearest, answers, same, depth)
    return ranks.tolist(), len(candidates)


def test_a_wrong_candidate_of_equal_cosine_comes_first() -> None:
    assert one_query([0.5, 0.9, 0.5], [0]) == ([3], 3)
    assert one_query([0.5, 0.9, 0.5], [0, 2]) == ([2, 3], 3)


def test_an_encoder_that_maps_everything_to_one_point_gets_no_credit() -> None:
    assert one_query([1.0] * 60, [0, 1, 2]) == ([], DEPTH)


def test_right_answers_that_tie_among_themselves_at_the_last_rank_count() -> None:
    assert one_query([0.9] * 2 + [0.5] * 2 + [0.1] * 9, [2, 3], depth=3) == ([3], 3)


def test_wrong_candidates_that_tie_beyond_the_last_rank_hide_a_right_one() -> None:
    assert one_query([0.9, 0.5, 0.5, 0.5], [1], depth=3) == ([], 3)
    assert one_query([0.9, 0.5, 0.5, 0.1], [1], depth=3) == ([3], 3)


def test_answers_share_any_key() -> None:
    candidates = [("a",), (), ("b", "c"), ("a",), ()]
    right = answers_by_key([("a",), ("c", "a"), ("z",), ()], candidates)
    assert [one.tolist() for one in right] == [[0, 3], [0, 2, 3], [], []]


def test_equals_of_right_answers_have_their_text_and_not_their_key() -> None:
    right = [np.array([2]), np.array([0, 2]), np.zeros(0, dtype=np.int64)]
    equal = equal_candidates(right, np.array([0, 1, 2, 0, 2]))
    assert [one.tolist() for one in equal] == [[4], [3, 4], []]


def test_equals_of_the_only_right_answer_leave_its_reciprocal_rank() -> None:
    cosines = [0.9] * 5 + [0.5] * 30
    ranks, _ = one_query(cosines, [5], equals=tuple(range(6, 30)))
    assert ranks == [11]  # five nearer ones, and five wrong ones of equal cosine
    ranks, count = one_query([0.9, 0.5, 0.5, 0.1], [1], equals=(2,))
    assert (ranks, count) == ([2], 3)
    assert average_precision(ranks, 1) == 0.5


@pytest.mark.parametrize(
    ("ranks", "right", "expected"),
    [
        ([1], 1, 1.0),
        ([4], 1, 0.25),
        ([21], 1, 0.0),
        ([1, 3], 2, (1 + 2 / 3) / 2),
        ([1, 3], 11, (1 + 2 / 3) / 11),
        (list(range(1, 21)), 50, 1.0),
        ([], 3, 0.0),
    ],
)
def test_average_precision_by_hand(ranks: list[int], right: int, expected: float) -> None:
    assert average_precision(ranks, right) == pytest.approx(expected, abs=1e-12)


def test_map_takes_one_rank_for_one_right_answer() -> None:
    table = MAP_AT_20.statistics([2, "a passage"], [[1, 2], 4], "en")
    assert table.tolist() == [[1.0, 1.0], [0.25, 1.0]]
    assert float(MAP_AT_20.value(table.sum(0))) == 0.625
    assert np.isnan(MAP_AT_20.value(np.zeros(2)))
