"""Retrieval in both directions is counted and resampled by meaning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from xstilts.analysis.example_scores import statistics_of
from xstilts.analysis.score_intervals import interval_of
from xstilts.core.stage import Stage
from xstilts.core.store import Store
from xstilts.metrics.retrieval import statistics
from xstilts.stages.io.rows import write_rows
from xstilts.stages.prepare import ROWS
from xstilts.stages.score import STATISTICS, write_statistics

DIRECTIONS = ("to_en", "from_en")
METRICS = ("accuracy_at_1", "accuracy_at_1_to_en", "accuracy_at_1_from_en", "tatoeba_accuracy")


def scored(
    folder: Path, sides: Sequence[Sequence[str]], ranks: Sequence[Mapping[int, int]]
) -> tuple[str, Store]:
    """A store with a score of retrieval, and the score's key.

    Args:
        sides: meanings of the sentences of the language, and of the English ones.
        ranks: for each direction, sentence → rank of its best answer; without those that have none.
    """
    store = Store(folder / "store").prepare()
    inputs = {}
    for side, meanings in zip(("here", "english"), sides, strict=True):
        stage = Stage("prepare", 1, {"side": side}, {}, label=side)
        inputs[f"rows:{side}"] = stage.key
        with store.staging(stage.key) as staged:
            sentences = [
                {"id": f"{side}-{number}", "meaning": meaning}
                for number, meaning in enumerate(meanings)
            ]
            write_rows(staged / ROWS, sentences)
            store.publish(stage, staged, {"rows": len(meanings)}, {})
    stage = Stage("score", 1, {"format": "retrieval"}, inputs, label="score")
    names = [
        f"{direction}:{side}-{number}"
        for direction, side, of in zip(DIRECTIONS, ("here", "english"), ranks, strict=True)
        for number in of
    ]
    parts = [np.array(list(of.values())) for of in ranks]
    table = np.concatenate(
        [
            statistics(parts[0], from_english=False),
            statistics(parts[1], from_english=True, own_line=parts[1] == 1),
        ]
    )
    with store.staging(stage.key) as staged:
        write_statistics(staged / STATISTICS, names, dict.fromkeys(METRICS, table))
        store.publish(stage, staged, {}, {})
    return stage.key, store


@pytest.fixture
def alike(tmp_path: Path) -> tuple[str, Store]:
    """Twenty pairs; a sentence finds its translation where this finds the sentence."""
    meanings = [f"m{number:02}" for number in range(20)]
    ranks = {number: 1 if number % 3 else 4 for number in range(20)}
    return scored(tmp_path, [meanings, meanings], [ranks, ranks])


def test_every_metric_counts_a_pair_once(alike: tuple[str, Store]) -> None:
    found = statistics_of(*alike)
    assert {len(ids) for ids, _ in found.values()} == {20}
    assert found["accuracy_at_1"][1][:, [2, 5, 7]].tolist() == [[1.0, 1.0, 1.0]] * 20


def test_the_mean_of_equal_directions_is_no_more_certain_than_one(
    alike: tuple[str, Store],
) -> None:
    found = statistics_of(*alike)
    both, one = (interval_of(metric, *found[metric]) for metric in METRICS[:2])
    assert both == pytest.approx(one, abs=1e-12)


def test_paraphrases_are_drawn_together_and_unscored_meanings_are_not_counted(
    tmp_path: Path,
) -> None:
    found = statistics_of(
        *scored(tmp_path, [["a", "a", "b"], ["b", "a", "c"]], [{0: 1, 1: 2, 2: 1}, {0: 3, 1: 1}])
    )
    assert found["accuracy_at_1"][0] == ("a", "b")
    assert found["accuracy_at_1"][1][0, [0, 2, 3, 5]].tolist() == [1.0, 2.0, 1.0, 1.0]
    only_english = scored(tmp_path / "en", [["a"], ["a", "b"]], [{0: 1}, {0: 1, 1: 2}])
    sizes = {metric: len(ids) for metric, (ids, _) in statistics_of(*only_english).items()}
    assert sizes == {
        "accuracy_at_1": 2, "accuracy_at_1_to_en": 1, "accuracy_at_1_from_en": 2,
        "tatoeba_accuracy": 2,
    }  # fmt: skip


def test_sentences_without_a_meaning_are_not_grouped(tmp_path: Path) -> None:
    found = statistics_of(*scored(tmp_path, [["", ""], ["", "a"]], [{0: 1, 1: 1}, {0: 1}]))
    assert len(found["accuracy_at_1"][0]) == 3
