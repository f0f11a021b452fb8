"""Mining and its thresholds against brute force and hand calculation."""

from __future__ import annotations

import numpy as np
import pytest

from xstilts.core.errors import DataError
from xstilts.metrics import METRICS
from xstilts.metrics import knn as nearest
from xstilts.metrics.bitext_mining import MinedPairs, deduplicate, group_by_source, mine_pairs
from xstilts.metrics.mining_f1 import FOLDS, MiningResult, best_threshold, fold_of

Pair = tuple[float, int, int]


def plain(source: np.ndarray, target: np.ndarray, k: int) -> list[Pair]:
    """The definition, sentence by sentence."""
    left, right = (
        [row / np.linalg.norm(row) for row in side.astype("f8")] for side in (source, target)
    )
    cosine = [[float(one @ other) for other in right] for one in left]
    turned = [list(column) for column in zip(*cosine, strict=True)]

    def top(row: list[float]) -> list[int]:
        return sorted(range(len(row)), key=lambda place: -row[place])[:k]

    means = [
        [sum(row[place] for place in top(row)) / min(k, len(row)) for row in side]
        for side in (cosine, turned)
    ]

    def margin(row: int, column: int) -> float:
        around = (means[0][row] + means[1][column]) / 2
        if around == 0:
            return float("inf") if cosine[row][column] > 0 else -float("inf")
        return cosine[row][column] / around

    pairs: list[Pair] = []
    for row in range(len(left)):
        best = max(top(cosine[row]), key=lambda column: margin(row, column))
        pairs.append((margin(row, best), row, best))
    for column in range(len(right)):
        best = max(top(turned[column]), key=lambda row: margin(row, column))
        pairs.append((margin(best, column), best, column))
    chosen: list[Pair] = []
    for score, row, column in sorted(pairs, key=lambda pair: -pair[0]):
        taken = any(row == one or column == other for _, one, other in chosen)
        if score > 0 and not taken:
            chosen.append((score, row, column))
    return chosen


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("exact_ties", [False, True])
def test_candidates_follow_the_definition(
    seed: int, exact_ties: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nearest, "BLOCK", 3)
    draw = np.random.default_rng(seed)
    sizes = draw.integers(1, 12, size=2)
    # rows of four signs have length 2: their cosines are exact, and many are equal
    source, target = (
        (draw.choice([-1.0, 1.0], (size, 4)) if exact_ties else draw.normal(size=(size, 4)) + 0.7)
        for size in sizes
    )
    found = mine_pairs(source.astype("f4"), target.astype("f4"), 4)
    wanted = plain(source.astype("f4"), target.astype("f4"), 4)
    assert found.score.tolist() == pytest.approx([score for score, _, _ in wanted], rel=1e-4)
    pairs = list(zip(found.source.tolist(), found.target.tolist(), strict=True))
    assert pairs == [(row, column) for _, row, column in wanted]


def test_empty_collections_have_no_candidates() -> None:
    some, none = np.ones((3, 2), dtype="f4"), np.ones((0, 2), dtype="f4")
    assert mine_pairs(some, none).score.tolist() == []
    assert mine_pairs(none, some).score.tolist() == []


def test_nan_vectors_are_a_data_error() -> None:
    vectors = np.array([[1.0, 0.0], [np.nan, 1.0]], dtype="f4")
    with pytest.raises(DataError, match="1 of 2 sentence vectors are not finite"):
        mine_pairs(vectors, vectors)


def test_equal_texts_count_as_one_sentence() -> None:
    texts = ["b", "a", " b", "c", "a\n"]
    kept, same = deduplicate(texts)
    assert kept.tolist() == [0, 1, 3]
    assert same.tolist() == [0, 1, 0, 2, 1]
    vectors = np.eye(3, 4, dtype="f4") + 0.1
    found = mine_pairs(vectors, vectors[:2], 1)
    rows = group_by_source(found, list("vwxyz"), same, ["p", "q", "r"], np.array([0, 1, 1]))
    assert [row.targets for row in rows] == [("p",), ("q", "r"), ("p",), (), ("q", "r")]
    assert [row.repeated for row in rows] == [True, True, True, False, True]
    assert rows[3] == MinedPairs("y")


def test_the_best_threshold_is_midway_after_the_best_rank() -> None:
    scores, right = np.array([0.9, 0.8, 0.6, 0.5]), np.array([True, True, False, False])
    assert best_threshold(scores, right, 2) == pytest.approx(0.7)
    shuffled = [2, 0, 3, 1]
    assert best_threshold(scores[shuffled], right[shuffled], 2) == pytest.approx(0.7)


def test_the_threshold_is_the_last_score_if_all_pairs_are_kept() -> None:
    """The reference stops with an error here, for there is no next pair."""
    assert best_threshold(np.array([0.9, 0.8]), np.array([True, True]), 2) == 0.8
    assert best_threshold(np.array([0.9]), np.array([True]), 1) == 0.9


def test_all_pairs_are_kept_without_a_correct_one() -> None:
    assert best_threshold(np.array([0.9, 0.8]), np.array([False, False]), 2) == 0.0
    assert best_threshold(np.array([]), np.array([], dtype=bool), 2) == 0.0


@pytest.mark.parametrize("seed", range(10))
def test_no_other_threshold_has_a_higher_f1(seed: int) -> None:
    draw = np.random.default_rng(seed)
    scores, right = draw.normal(size=30), draw.random(30) < 0.4
    total = int(right.sum()) + 5

    def quality(threshold: float) -> float:
        kept = scores >= threshold
        return float(2 * (kept & right).sum() / (kept.sum() + total))

    best = quality(best_threshold(scores, right, total))
    assert best == pytest.approx(max(quality(score) for score in scores))


def score(name: str, gold: list[tuple[str, ...]], mining: MiningResult) -> float:
    metric = METRICS.get(name)
    return float(metric.value(metric.statistics(gold, mining, "de").sum(0)))


def test_mining_f1_variants_equal_hand_calculation() -> None:
    gold: list[tuple[str, ...]] = [("t0",), ("t1",), (), ("t3",)]
    found = [
        MinedPairs("s0", ("t0",), 0.9),
        MinedPairs("s1", ("t1",), 0.5),
        MinedPairs("s2", ("t9",), 0.7),
        MinedPairs("s3"),
    ]
    assert score("mining_f1_best", gold, MiningResult(found)) == pytest.approx(2 * 2 / (3 + 3))
    dev: tuple[list[tuple[str, ...]], list[MinedPairs]] = (
        [("u",), ()],
        [MinedPairs("d0", ("u",), 0.9), MinedPairs("d1", ("v",), 0.7)],
    )
    assert score("mining_f1", gold, MiningResult(found, dev)) == pytest.approx(2 * 1 / (1 + 3))
    table = METRICS.get("mining_f1").statistics(gold, MiningResult(found, dev), "de")
    assert table.tolist() == [[1, 1, 1], [0, 0, 1], [0, 0, 0], [0, 0, 1]]
    alone = score("mining_f1", gold, MiningResult(found))
    assert alone == score("mining_f1_crossvalidated", gold, MiningResult(found))


def test_duplicate_sentences_are_excluded_or_all_paired() -> None:
    gold: list[tuple[str, ...]] = [("t0",), ("t1",), ("t1",)]
    found = [
        MinedPairs("s0", ("t0",), 0.9),
        MinedPairs("s1", ("t1", "t2"), 0.8, repeated=True),
        MinedPairs("s2", ("t1", "t2"), 0.8, repeated=True),
    ]
    assert score("mining_f1_best", gold, MiningResult(found)) == pytest.approx(2 * 1 / (1 + 3))
    assert score("mining_f1_best_all", gold, MiningResult(found)) == pytest.approx(2 * 3 / (5 + 3))


def test_cross_validation_folds_do_not_use_their_own_gold() -> None:
    """With the gold of one fold changed, what is kept of that fold stays the same."""
    draw = np.random.default_rng(0)
    ids = [f"s{row}" for row in range(80)]
    gold: list[tuple[str, ...]] = [(f"t{row}",) if row % 2 else () for row in range(80)]
    found = [
        MinedPairs(name, (f"t{row}",), float(draw.normal(0.5 * (row % 2))))
        for row, name in enumerate(ids)
    ]
    metric = METRICS.get("mining_f1_crossvalidated")
    table = metric.statistics(gold, MiningResult(found), "de")
    for fold in range(FOLDS):
        inside = [fold_of(name) == fold for name in ids]
        assert 0 < sum(inside) < 80
        other = [() if here else one for one, here in zip(gold, inside, strict=True)]
        again = metric.statistics(other, MiningResult(found), "de")
        assert again[inside, 1].tolist() == table[inside, 1].tolist()
    assert (
        0 < float(metric.value(table.sum(0))) <= score("mining_f1_best", gold, MiningResult(found))
    )
