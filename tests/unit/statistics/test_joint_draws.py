"""Examples that several test sets have in common have one weight in a draw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from xstilts.statistics import joint_draws
from xstilts.statistics.bootstrap import example_weights
from xstilts.statistics.estimate import Floats
from xstilts.statistics.joint_draws import joint_weights

N, DRAWS = 60, 1200
NAMES = tuple(f"q{number}" for number in range(N))


def without(*places: int) -> tuple[str, ...]:
    return tuple(name for place, name in enumerate(NAMES) if place not in places)


def drawn(ids: Mapping[str, Sequence[str]], draws: int = DRAWS) -> dict[str, Floats]:
    """Test set → [draws, n] weights."""
    weights = {one: np.full((draws, len(own)), -1.0) for one, own in ids.items()}
    for one, block, found in joint_weights({one: tuple(own) for one, own in ids.items()}, draws):
        weights[one][block] = found
    return weights


def alone(ids: Sequence[str]) -> Floats:
    return np.concatenate([found for _, found in example_weights(tuple(ids), DRAWS)])


def weights_by_name(ids: Sequence[str], weights: Floats) -> dict[str, list[float]]:
    return dict(zip(ids, weights.T.tolist(), strict=True))


def test_equal_sets_have_the_draws_of_one_bit_for_bit() -> None:
    ids = ("q2", "q10", "q1"), tuple(f"de.tsv:{line}" for line in range(1, 41))
    for own in ids:
        found = drawn({"de": own, "fr": own, "sw": own})
        assert all(np.array_equal(weights, alone(own)) for weights in found.values())


@pytest.mark.parametrize(
    "ids",
    [
        {"de": without(7), "fr": without(20), "sw": NAMES},
        {"de": NAMES, "fr": NAMES[::-1]},
        {"de": NAMES[:30], "fr": NAMES[20:50], "sw": NAMES[40:]},
        {"de": NAMES[:1], "fr": NAMES},
    ],
)
def test_common_examples_have_one_weight(ids: dict[str, tuple[str, ...]]) -> None:
    found = [weights_by_name(ids[one], weights) for one, weights in drawn(ids).items()]
    for first in found:
        for second in found:
            assert all(first[name] == second[name] for name in first.keys() & second.keys())
    union = set().union(*ids.values())
    every = {name: weights for of in found for name, weights in of.items()}
    assert (np.sum(list(every.values()), axis=0) == len(union)).all()


def test_draws_of_a_union_do_not_depend_on_the_order_of_the_sets() -> None:
    ids = {"de": without(7), "sw": NAMES[:10], "fr": without(20)}
    found, other = drawn(ids), drawn(dict(reversed(ids.items())))
    assert all(np.array_equal(found[one], other[one]) for one in ids)


def test_a_set_without_common_examples_is_independent() -> None:
    other = tuple(f"x{number}" for number in range(N))
    found = drawn({"de": without(7), "sw": other, "fr": without(20)})
    assert np.array_equal(found["sw"], alone(other))
    assert not np.array_equal(found["de"], alone(without(7)))


def lines(name: str, numbers: Sequence[int]) -> tuple[str, ...]:
    return tuple(f"{name}:{number}" for number in numbers)


@pytest.mark.parametrize(
    ("rows", "start"),
    [
        (without(7), 1),
        (without(7), 2),
        (without(0), 1),
        (without(7), 1001),
        (without(N - 1), 1001),
    ],
)
def test_lines_of_files_are_aligned(rows: tuple[str, ...], start: int) -> None:
    """Rows are left out in one language; its file has a header or is a part of a common one."""
    german = lines("t-de.tsv", [place + 1 for place in range(N) if place != 20])
    swahili = lines("t-sw.tsv", [NAMES.index(name) + start for name in rows])
    found = drawn({"de": german, "sw": swahili})
    first = weights_by_name(without(20), found["de"])
    second = weights_by_name(rows, found["sw"])
    assert all(first[name] == second[name] for name in first.keys() & second.keys())


@pytest.mark.parametrize("other", [0, 30, 99])
def test_limits_of_lines_are_aligned(other: int) -> None:
    """Of the same hundred lines, below a header in one file, another is taken for a bad one."""
    sampled = sorted(np.random.default_rng(0).choice(1000, 100, replace=False).tolist())
    taken = sorted([*sampled[:other], *sampled[other + 1 :], 500])
    assert 500 not in sampled
    german, swahili = lines("de", sampled), lines("sw", [line + 1 for line in taken])
    found = drawn({"de": german, "sw": swahili}, 50)
    first = weights_by_name(list(map(str, sampled)), found["de"])
    second = weights_by_name(list(map(str, taken)), found["sw"])
    assert all(first[name] == second[name] for name in first.keys() & second.keys())


def test_large_unions_have_the_same_draws_in_smaller_blocks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ids = {"de": without(7), "fr": without(20)}
    whole = drawn(ids)
    monkeypatch.setattr(joint_draws, "LARGEST", 7 * N)
    assert max(found.shape[0] for _, _, found in joint_weights(ids, DRAWS)) == 7
    assert all(np.array_equal(weights, whole[one]) for one, weights in drawn(ids).items())


def test_a_part_of_a_union_varies_as_if_it_was_drawn_alone() -> None:
    """The score of a fourth of the examples has the standard error of a mean."""
    part, right = NAMES[::4], np.arange(N // 4) % 3 == 0
    weights = drawn({"de": part, "fr": NAMES}, 20_000)["de"]
    counts = weights.sum(axis=1)
    assert counts.std() > 1
    scores = (weights @ right)[counts > 0] / counts[counts > 0]
    assert scores.mean() == pytest.approx(right.mean(), abs=0.005)
    n = len(part)
    assert scores.std() == pytest.approx(right.std() / n**0.5, rel=0.06)  # E[1/n] is above 1/E[n]


def variance(ids: Mapping[str, Sequence[str]], values: Mapping[str, Floats]) -> float:
    """The variance of the mean over the sets of the mean value of their examples."""
    weights = drawn(ids, 200)
    means = [weights[one] @ own / weights[one].sum(axis=1) for one, own in values.items()]
    return float(np.var(np.mean(means, axis=0)))


@pytest.mark.parametrize(
    ("shared", "low", "high"), [(0.0, 0.95, 1.1), (1.0, 2.5, 3.1)], ids=["unrelated", "parallel"]
)
def test_equal_lines_of_unrelated_sets_cost_nothing_on_average_and_those_of_parallel_ones_count(
    shared: float, low: float, high: float
) -> None:
    generator = np.random.default_rng(0)
    lines = {one: [f"{one}.tsv:{line}" for line in range(1, N + 1)] for one in ("de", "fr", "sw")}
    own = {one: [f"{one}-{line}" for line in range(1, N + 1)] for one in lines}
    jointly = apart = 0.0
    for _ in range(100):
        common = generator.normal(size=N)
        values = {one: shared * common + (1 - shared) * generator.normal(size=N) for one in lines}
        jointly += variance(lines, values)
        apart += variance(own, values)
    assert low < jointly / apart < high
