"""Retrieval is counted and resampled by meaning, or by image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from xstilts.analysis.example_scores import statistics_of
from xstilts.analysis.gain_bootstrap import drawn_scores
from xstilts.analysis.results import results_frame
from xstilts.analysis.score_intervals import interval_of
from xstilts.core.stage import Stage
from xstilts.core.store import Store
from xstilts.metrics import METRICS
from xstilts.metrics.retrieval import statistics
from xstilts.planning.compile import ResultCell
from xstilts.stages.io.rows import write_rows
from xstilts.stages.prepare import ROWS
from xstilts.stages.score import STATISTICS, write_statistics
from xstilts.statistics.bootstrap import example_weights

DIRECTIONS = ("to_en", "from_en")
SENTENCE_METRICS = (
    "accuracy_at_1",
    "accuracy_at_1_to_en",
    "accuracy_at_1_from_en",
    "tatoeba_accuracy",
)


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
        write_statistics(staged / STATISTICS, names, dict.fromkeys(SENTENCE_METRICS, table))
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
    both, one = (interval_of(metric, *found[metric]) for metric in SENTENCE_METRICS[:2])
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


IMAGE_METRICS = (
    "image_text_recall_at_1", "text_to_image_recall_at_1", "image_to_text_recall_at_1",
)  # fmt: skip


def captioned(
    folder: Path,
    images: Sequence[str],
    predicted: Sequence[tuple[str, str]],
    names: Sequence[str] = (),
) -> tuple[str, Store]:
    """A store with a score of captions and images, and the score's key.

    Args:
        images: of each caption; predicted: the nearest image, and the image of the caption nearest
            to its image; names: of the captions, their numbers by default.
    """
    names = names or [f"c{number}" for number in range(len(images))]
    store = Store(folder / "store").prepare()
    rows = Stage("prepare", 1, {"images": list(images)}, {}, label="rows")
    with store.staging(rows.key) as staged:
        write_rows(
            staged / ROWS,
            [{"id": name, "images": [image]} for name, image in zip(names, images, strict=True)],
        )
        store.publish(rows, staged, {"rows": len(images)}, {})
    tables = {
        name: METRICS.get(name).statistics([[image] for image in images], predicted, "")
        for name in IMAGE_METRICS
    }
    params = {"format": "image_retrieval", "predicted": [list(pair) for pair in predicted]}
    stage = Stage("score", 1, params, {"rows": rows.key}, label="score")
    scores = {
        name: {"value": float(METRICS.get(name).value(table.sum(0))), "n": len(images)}
        for name, table in tables.items()
    }
    with store.staging(stage.key) as staged:
        write_statistics(staged / STATISTICS, names, tables)
        store.publish(stage, staged, {"scores": scores}, {})
    return stage.key, store


def answers(images: Sequence[str], seed: int) -> list[tuple[str, str]]:
    """Random answers: an image for each caption, and another for all captions of an image."""
    draw = np.random.default_rng(seed)
    of_image = {image: draw.choice([image, "other"]) for image in sorted(set(images))}
    return [(str(draw.choice([image, "other"])), str(of_image[image])) for image in images]


SEVERAL = [f"i{number % 12:02}" for number in range(30)]
"""Images of 30 captions: the first six of twelve images have three, the others two."""


def recalls_of(drawn: Sequence[str], predicted: Sequence[tuple[str, str]]) -> list[float]:
    """The metrics by their definitions, of images that are drawn with all of their captions."""
    captions = [
        (image, *predicted[row])
        for image in drawn
        for row, name in enumerate(SEVERAL)
        if name == image
    ]
    to_image = sum(image == found for image, found, _ in captions) / len(captions)
    of_image = {image: found == image for image, _, found in captions}
    to_text = sum(of_image[image] for image in drawn) / len(drawn)
    return [(to_image + to_text) / 2, to_image, to_text]


def test_images_are_drawn_with_all_of_their_captions(tmp_path: Path) -> None:
    predicted = answers(SEVERAL, 1)
    found = statistics_of(*captioned(tmp_path, SEVERAL, predicted))
    images = tuple(sorted(set(SEVERAL)))
    assert {ids for ids, _ in found.values()} == {images}
    weights = np.concatenate([block for _, block in example_weights(images, 300)]).astype(int)
    wanted = [recalls_of(np.repeat(images, row).tolist(), predicted) for row in weights]
    for metric, values in zip(IMAGE_METRICS, np.array(wanted).T, strict=True):
        drawn = drawn_scores(METRICS.get(metric), images, found[metric][1][None], 300)
        assert drawn == pytest.approx(values[:, None])


@pytest.mark.parametrize("metric", IMAGE_METRICS)
def test_equal_captions_of_an_image_are_no_more_certain_than_one(
    tmp_path: Path, metric: str
) -> None:
    images = [f"i{number:02}" for number in range(30)]
    predicted = answers(images, 2)
    one = statistics_of(*captioned(tmp_path / "1", images, predicted, images))
    five = statistics_of(*captioned(tmp_path / "5", images * 5, predicted * 5))
    low_high = [interval_of(metric, *found[metric]) for found in (one, five)]
    assert low_high[0] == pytest.approx(low_high[1])


def test_one_caption_per_image_is_scored_as_before(tmp_path: Path) -> None:
    images = ["b", "c", "a"]
    predicted = answers(images, 3)
    found = statistics_of(*captioned(tmp_path, images, predicted))
    for metric, (ids, table) in found.items():
        assert ids == ("c0", "c1", "c2")
        gold = [[image] for image in images]
        assert np.array_equal(table, METRICS.get(metric).statistics(gold, predicted, ""))


def test_images_are_paired_whatever_the_order_and_number_of_their_captions(tmp_path: Path) -> None:
    """The draws of languages, settings and experiments are the same where the images are."""
    other = sorted(set(SEVERAL), reverse=True) * 2
    stores = [captioned(tmp_path / "1", SEVERAL, answers(SEVERAL, 4))]
    stores += [captioned(tmp_path / "2", SEVERAL, answers(SEVERAL, 5))]
    stores += [captioned(tmp_path / "3", other, answers(other, 6))]
    assert len({statistics_of(*one)[IMAGE_METRICS[1]][0] for one in stores}) == 1


@pytest.mark.parametrize(("images", "n"), [(SEVERAL, 12), (["a", "b", "c"], 3)])
def test_results_count_images(tmp_path: Path, images: Sequence[str], n: int) -> None:
    key, store = captioned(tmp_path, images, answers(images, 7))
    cell = ResultCell("e", "none", "captions", "de", "test", 0, IMAGE_METRICS, key, (), False)
    assert results_frame([cell], store)["n"].tolist() == [n] * 3
