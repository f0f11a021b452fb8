"""POS F1 against seqeval 1.x, and against recorded outputs of seqeval 0.0.12."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from seqeval.metrics.sequence_labeling import f1_score, get_entities

from xstilts.metrics import METRICS
from xstilts.metrics.pos_f1 import chunks
from xstilts.tasks import TASKS

TAGS = st.sampled_from(TASKS.get("udpos").labels)
PAIRS = st.lists(
    st.integers(1, 9).flatmap(
        lambda n: st.tuples(
            st.lists(TAGS, min_size=n, max_size=n), st.lists(TAGS, min_size=n, max_size=n)
        )
    ),
    min_size=1,
    max_size=5,
)
RECORDED = json.loads((Path(__file__).parent / "pos_scores.json").read_text(encoding="utf-8"))


def score(name: str, gold: list[list[str]], predicted: list[list[str]]) -> float:
    metric = METRICS.get(name)
    found = float(metric.value(metric.statistics(gold, predicted, "en").sum(0)))
    return 0.0 if math.isnan(found) else found


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=300)
@given(PAIRS)
@example([(["NOUN", "VERB"], ["NOUN", "NOUN"]), (["X", "NOUN"], ["X", "NOUN"])])
def test_pos_f1_equals_seqeval_1(pairs: list[tuple[list[str], list[str]]]) -> None:
    gold, predicted = [one for one, _ in pairs], [other for _, other in pairs]
    for tags in gold:
        ours = {(name, first, last) for name, (_, first), (_, last) in next(chunks([tags]))}
        assert ours == set(get_entities(tags))
    theirs = f1_score(gold, predicted, zero_division=0)
    assert score("pos_f1", gold, predicted) == pytest.approx(theirs, abs=1e-9)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "tags", [("X", "N"), ("X", "NOUN", "SYM", "ADJ"), ("O", "X", "B", "I", ".")]
)
def test_pos_f1_equals_seqeval_1_for_tags_of_one_letter(tags: tuple[str, ...]) -> None:
    generator = np.random.default_rng(0)
    for _ in range(100):
        lengths = generator.integers(1, 5, size=4)
        gold, predicted = (
            [generator.choice(tags, size=length).tolist() for length in lengths] for _ in range(2)
        )
        theirs = f1_score(gold, predicted, zero_division=0)
        assert score("pos_f1", gold, predicted) == pytest.approx(theirs, abs=1e-9)


def test_an_x_that_begins_a_later_sentence_has_the_start_of_the_chunk_before_it() -> None:
    """By hand: of 3 gold and 4 predicted chunks one is equal, and it is not the X."""
    gold = [["NOUN", "NOUN"], ["X", "VERB"]]
    predicted = [["NOUN", "VERB"], ["X", "VERB"]]
    assert list(chunks(gold)) == [
        {("OUN", (0, 0), (0, 1))},
        {("_", (0, 0), (1, 0)), ("ERB", (1, 1), (1, 1))},
    ]
    assert score("pos_f1", gold, predicted) == pytest.approx(2 * 1 / (3 + 4))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("name", "tags"), [("span_f1", "O"), ("pos_f1", "O")])
def test_a_set_without_entities_has_no_score_where_seqeval_reads_0(name: str, tags: str) -> None:
    metric = METRICS.get(name)
    assert math.isnan(metric.value(metric.statistics([[tags]], [[tags]], "en").sum(0)))
    assert f1_score([[tags]], [[tags]], zero_division=0) == 0


def test_pos_f1_equals_seqeval_0() -> None:
    for gold, predicted, theirs in RECORDED["rows"]:
        ours = score("pos_f1_seqeval_0", gold, predicted)
        assert ours == pytest.approx(theirs, abs=1e-9), (gold, predicted)


def test_seqeval_versions_differ_for_tags_that_differ_in_the_first_letter() -> None:
    gold, predicted = [["CCONJ", "NOUN", "SCONJ"]], [["SCONJ", "NOUN", "CCONJ"]]
    assert score("pos_f1", gold, predicted) == 1.0
    assert score("pos_f1_seqeval_0", gold, predicted) == pytest.approx(1 / 3)
    assert score("tag_accuracy", gold, predicted) == pytest.approx(1 / 3)
