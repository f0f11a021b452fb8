"""Metrics against reference implementations and brute force."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqeval.metrics import sequence_labeling

from xstilts.core import cpu as cores
from xstilts.metrics import METRICS
from xstilts.metrics import knn as nearest_module
from xstilts.metrics import retrieval as retrieval_module
from xstilts.metrics import topk as best
from xstilts.metrics.knn import bidirectional_knn, knn, unit
from xstilts.metrics.retrieval import nearest_rows, ranks, statistics
from xstilts.metrics.spans import spans

TAGS = st.sampled_from(["O", "B-A", "I-A", "B-B", "I-B"])
PAIRS = st.lists(
    st.integers(1, 8).flatmap(
        lambda n: st.tuples(
            st.lists(TAGS, min_size=n, max_size=n), st.lists(TAGS, min_size=n, max_size=n)
        )
    ),
    min_size=1,
    max_size=6,
)


def score(name: str, gold: list, predicted: list) -> float:  # type: ignore[type-arg]
    metric = METRICS.get(name)
    return float(metric.value(metric.statistics(gold, predicted, "en").sum(0)))


@settings(max_examples=300)
@given(PAIRS)
def test_span_f1_equals_seqeval(pairs: list[tuple[list[str], list[str]]]) -> None:
    gold, predicted = [a for a, _ in pairs], [b for _, b in pairs]
    for tags in gold + predicted:
        assert set(spans(tags)) == set(sequence_labeling.get_entities(tags))
    ours = score("span_f1", gold, predicted)
    theirs = sequence_labeling.f1_score(gold, predicted, zero_division=0)
    assert (0.0 if math.isnan(ours) else ours) == pytest.approx(theirs, abs=1e-12)


def test_accuracy_counts_equal_labels() -> None:
    assert score("accuracy", list("abcd"), list("abxx")) == 0.5
    assert math.isnan(score("accuracy", [], []))


LABELS = st.lists(st.tuples(*[st.sampled_from("01")] * 2), min_size=1, max_size=12)


@given(LABELS)
def test_accuracy_and_f1_equal_counts_by_hand(pairs: list[tuple[str, str]]) -> None:
    hits = pairs.count(("1", "1"))
    marked = [b for _, b in pairs].count("1")
    there = [a for a, _ in pairs].count("1")
    precision, recall = hits / marked if marked else 0, hits / there if there else 0
    f1 = 2 * precision * recall / (precision + recall) if hits else 0
    right = sum(a == b for a, b in pairs) / len(pairs)
    gold, predicted = [a for a, _ in pairs], [b for _, b in pairs]
    assert score("accuracy_and_f1", gold, predicted) == pytest.approx((right + f1) / 2, abs=1e-12)


def test_accuracy_and_f1_of_no_examples_is_nan() -> None:
    assert math.isnan(score("accuracy_and_f1", [], []))


@settings(max_examples=60)
@given(st.integers(0, 10_000))
def test_ranks_equal_those_of_a_full_sort(seed: int) -> None:
    draw = np.random.default_rng(seed)
    queries = draw.normal(size=(7, 4)).astype(np.float32)
    candidates = draw.normal(size=(9, 4)).astype(np.float32)
    wanted = [str(value) for value in draw.integers(0, 5, 7)]
    answers = [str(value) for value in draw.integers(0, 5, 9)]
    found = ranks(queries, candidates, wanted, answers)
    for row, meaning in enumerate(wanted):
        near = candidates @ queries[row] / np.linalg.norm(candidates, axis=1)
        order = [answers[place] for place in np.argsort(-near)]
        assert found[row] == (order.index(meaning) + 1 if meaning in order else 0)


def test_identical_vectors_earn_no_retrieval_score() -> None:
    same = np.ones((4, 3), dtype=np.float32)
    assert ranks(same, same, list("abcd"), list("abcd")).tolist() == [4, 4, 4, 4]


def test_retrieval_accepts_several_correct_answers() -> None:
    query = np.array([[1.0, 0.0]], dtype=np.float32)
    pool = np.array([[0.0, 1.0], [0.9, 0.1], [0.5, 0.5]], dtype=np.float32)
    assert ranks(query, pool, ["m"], ["m", "m", "x"]).tolist() == [1]


def test_retrieval_metrics_average_the_directions() -> None:
    metric, mrr = METRICS.get("accuracy_at_1"), METRICS.get("mrr")
    sums = np.array([3.0, 3.5, 4.0, 1.0, 2.0, 4.0])
    assert metric.value(sums) == pytest.approx((3 / 4 + 1 / 4) / 2)
    assert mrr.value(sums) == pytest.approx((3.5 / 4 + 2 / 4) / 2)
    assert METRICS.get("accuracy_at_1_to_en").value(sums) == pytest.approx(0.75)
    assert METRICS.get("mrr_from_en").value(sums) == pytest.approx(0.5)


@pytest.mark.parametrize("seed", range(10))
def test_nearest_neighbours_have_the_highest_cosine_across_blocks(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nearest_module, "BLOCK", 4)
    draw = np.random.default_rng(seed)
    queries, candidates = draw.normal(size=(9, 3)), draw.normal(size=(11, 3)) * draw.uniform(1, 9)
    lengths = np.linalg.norm(candidates, axis=1)
    wanted = [int(np.argmax(candidates @ query / lengths)) for query in queries]
    assert knn(queries.astype("f4"), candidates.astype("f4")).tolist() == wanted


def plain_best(cosine: np.ndarray, k: int) -> np.ndarray:
    """[n, k] the columns of each row's highest, of equals the first."""
    return np.argsort(-cosine, axis=1, kind="stable")[:, :k]


@pytest.mark.parametrize("sizes", [(1, 1), (1, 40), (40, 1), (3, 61), (61, 3), (25, 37), (48, 48)])
@pytest.mark.parametrize("drawn", ["signs", "repeated", "any", "one point", "nearer"])
@pytest.mark.parametrize("k", [1, 4, 50])
@pytest.mark.parametrize("threads", [1, 3])
def test_bidirectional_neighbours_equal_brute_force(
    sizes: tuple[int, int], drawn: str, k: int, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, size in (("BLOCK", 12), ("ROW_STRIP", 6), ("COLUMN_STRIP", 3)):
        monkeypatch.setattr(nearest_module, name, size)
    for name, size in (("NARROW", 3), ("MAX_BUFFERS", 2)):
        monkeypatch.setattr(best, name, size)
    cores.set_core_limit(threads)
    draw = np.random.default_rng(k)
    left, right = (draw.normal(size=(size, 16)).astype("f4") for size in sizes)
    if drawn == "signs":  # rows of length 4, so cosines are exact and many are equal
        left, right = np.sign(left), np.sign(right)
    if drawn == "repeated":
        left, right = (side[draw.integers(0, 3, len(side)) % len(side)] for side in (left, right))
    if drawn == "one point":
        left[:], right[:] = 0.3, 0.7
    if drawn == "nearer":  # every block has something nearer than all before
        angle = np.linspace(1.5, 0.5, len(right))
        left, right = 1e-3 * left, np.zeros_like(right)
        left[:, 0], right[:, 0], right[:, 1] = 1, np.cos(angle), np.sin(angle)
    forward, backward = bidirectional_knn(left, right, k)
    cosine = unit(left).astype("f8") @ unit(right).astype("f8").T
    # equal vectors are tied exactly: they get the cosine of the first of them
    same = [
        np.unique(side, axis=0, return_index=True, return_inverse=True) for side in (left, right)
    ]
    rows, columns = (first[inverse] for _, first, inverse in same)
    cosine = cosine[rows][:, columns]
    for found, wanted in ((forward, cosine), (backward, cosine.T)):
        assert found.index.shape == (len(wanted), min(k, wanted.shape[1]))
        places = plain_best(wanted.astype("f4") if drawn == "signs" else wanted, k)
        assert found.index.tolist() == places.tolist()
        highest = np.take_along_axis(wanted, places, axis=1)
        np.testing.assert_allclose(found.cosine, highest, atol=1e-6)


def test_empty_input_has_no_neighbours() -> None:
    none, some = np.zeros((0, 4), dtype="f4"), np.ones((5, 4), dtype="f4")
    assert knn(none, some).tolist() == []
    forward, backward = bidirectional_knn(none, some, 2)
    assert forward.index.shape == (0, 2)
    assert backward.index.shape == (5, 0)


def test_ties_go_to_the_first_vector_for_any_block_size() -> None:
    """BLAS adds up in another order for other shapes; equal vectors must still tie."""
    draw = np.random.default_rng(0)
    for size in (1023, 1025, 1031, 2049):
        line = draw.normal(size=(1, 384)).astype("f4")
        queries = draw.normal(size=(9, 384)).astype("f4")
        forward, backward = bidirectional_knn(queries, np.repeat(line, size, axis=0), 4)
        assert forward.index.tolist() == [[0, 1, 2, 3]] * 9
        assert (backward.index == backward.index[0]).all()
        assert (knn(queries[:1], np.repeat(line, size, axis=0)) == 0).all()


@pytest.mark.parametrize("seed", range(20))
def test_ranks_do_not_depend_on_the_block_size(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    draw = np.random.default_rng(seed)
    queries, candidates = (np.sign(draw.normal(size=(n, 4))).astype("f4") for n in (13, 17))
    wanted, answers = ([str(value) for value in draw.integers(0, 6, n)] for n in (13, 17))
    cosine = unit(queries) @ unit(candidates).T  # exact
    expected = []
    for row, meaning in enumerate(wanted):
        right = np.array([answer == meaning for answer in answers])
        best = cosine[row][right].max() if right.any() else np.inf
        expected.append(1 + int((cosine[row][~right] >= best).sum()) if right.any() else 0)
    assert ranks(queries, candidates, wanted, answers).tolist() == expected
    monkeypatch.setattr(retrieval_module, "COSINES", 40)
    assert ranks(queries, candidates, wanted, answers).tolist() == expected


def test_tatoeba_accuracy_compares_lines_and_accuracy_at_1_meanings() -> None:
    english = np.eye(3, dtype="f4")
    other = english[[0, 1, 1]]  # the last line repeats the one before
    lines = np.arange(3)
    hits = nearest_rows(english[[0, 1, 1]], other, lines) == lines
    assert hits.tolist() == [True, True, False]
    found = ranks(english[[0, 1, 1]], other, ["a", "b", "b"], ["a", "b", "b"])
    sums = statistics(found, from_english=True, own_line=hits).sum(0)
    assert METRICS.get("tatoeba_accuracy").value(sums) == pytest.approx(2 / 3)
    assert METRICS.get("accuracy_at_1_from_en").value(sums) == 1.0


def test_tatoeba_accuracy_credits_identical_vectors_once() -> None:
    same, lines = np.ones((4, 3), dtype="f4"), np.arange(4)
    assert nearest_rows(same, same, lines).tolist() == [0, 0, 0, 0]


def test_a_task_without_lines_has_no_tatoeba_accuracy() -> None:
    sums = statistics(np.array([1, 2]), from_english=True).sum(0)
    assert math.isnan(METRICS.get("tatoeba_accuracy").value(sums))
    assert METRICS.get("accuracy_at_1_from_en").value(sums) == 0.5


@pytest.mark.parametrize("width", [64, 384])
def test_identical_vectors_get_no_credit_for_any_size(width: int) -> None:
    """Where BLAS's tiles end must not tell equal vectors apart."""
    draw = np.random.default_rng(width)
    for count in (*range(2, 50, 5), 63, 101, 333):
        same = np.repeat(draw.normal(size=(1, width)).astype("f4"), count, axis=0)
        for asked in (1, 2, 3, 5, 7, 17, 33):
            queries = draw.normal(size=(asked, width)).astype("f4")
            assert not knn(queries, same).any()
            meanings = [str(number) for number in range(count)]
            assert set(ranks(queries, same, ["0"] * asked, meanings).tolist()) == {count}
            forward, backward = bidirectional_knn(same, queries, 1)
            assert (forward.index == forward.index[0]).all()
            assert not backward.index.any()
