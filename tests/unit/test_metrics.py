"""Metrics against other people's code and against brute force."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xstilts.metrics import METRICS
from xstilts.metrics.retrieval import ranks
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
    return float(metric.value(metric.statistics(gold, predicted).sum(0)))


@settings(max_examples=300)
@given(PAIRS)
def test_span_f1_is_seqevals(pairs: list[tuple[list[str], list[str]]]) -> None:
    sequence_labeling = pytest.importorskip("seqeval.metrics.sequence_labeling")
    gold, predicted = [a for a, _ in pairs], [b for _, b in pairs]
    for tags in gold + predicted:
        assert set(spans(tags)) == set(sequence_labeling.get_entities(tags))
    ours = score("span_f1", gold, predicted)
    theirs = sequence_labeling.f1_score(gold, predicted, zero_division=0)
    assert (0.0 if math.isnan(ours) else ours) == pytest.approx(theirs, abs=1e-12)


def test_accuracy() -> None:
    assert score("accuracy", list("abcd"), list("abxx")) == 0.5
    assert math.isnan(score("accuracy", [], []))


@settings(max_examples=60)
@given(st.integers(0, 10_000))
def test_ranks_are_those_of_a_full_sort(seed: int) -> None:
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


def test_one_point_for_everything_earns_nothing() -> None:
    same = np.ones((4, 3), dtype=np.float32)
    assert ranks(same, same, list("abcd"), list("abcd")).tolist() == [4, 4, 4, 4]


def test_several_correct_answers_are_allowed() -> None:
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
