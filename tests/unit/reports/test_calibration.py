"""Calibration in the report: numbers of the store's predictions, and what holds none."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import xstilts
from xstilts.config.load import LoadedExperiment
from xstilts.core.artifact import MANIFEST
from xstilts.core.hashing import digest_of_file, with_digest, without_digest
from xstilts.core.store import Store
from xstilts.metrics.calibration import CalibrationBins, binned_answers
from xstilts.planning.compile import CompiledPlan, compile_experiment
from xstilts.reports.calibration import (
    MEAN,
    TargetCalibration,
    _means,
    _numbers,
    target_calibration,
)
from xstilts.reports.reliability import reliability_diagram
from xstilts.reports.target_answers import TARGETS, left_out
from xstilts.stages.io.rows import PREDICTIONS, read_rows, write_rows
from xstilts.stages.prepare import ROWS


def bins_of(probabilities: list[float], is_right: list[bool]) -> CalibrationBins:
    return binned_answers(np.array(probabilities), np.array(is_right)).summed()


def calibration(loaded: LoadedExperiment, folder: Path, target: str) -> TargetCalibration | None:
    compiled = compile_experiment(loaded)
    cells = [cell for cell in compiled.cells if cell.target == target]
    return target_calibration(target, cells, compiled, Store(folder), ("none",))


def predictions_of(compiled: CompiledPlan, setting: str, language: str) -> tuple[str, str]:
    """Keys of the rows and of the predictions of the first seed."""
    wanted = ("toy-kind", setting, language)
    cell = next(c for c in compiled.cells if (c.target, c.intermediate, c.language) == wanted)
    inputs = compiled.plan.by_key[cell.key].inputs
    return inputs["rows"], inputs["predictions"]


def without_probabilities(store: Store, key: str) -> None:
    """The predictions of a stage as an earlier version has written them."""
    artifact = store.artifact(key)
    path = artifact / PREDICTIONS
    write_rows(path, [{"id": r["id"], "prediction": r["prediction"]} for r in read_rows(path)])
    manifest = without_digest(json.loads((artifact / MANIFEST).read_text("utf-8")))
    manifest["files"][PREDICTIONS] = {
        "bytes": path.stat().st_size,
        "sha256": digest_of_file(path),
    }
    (artifact / MANIFEST).write_text(json.dumps(with_digest(manifest)), "utf-8")


def test_the_numbers_are_those_of_a_loop_over_the_predictions(
    small: LoadedExperiment, finished: Path
) -> None:
    found = calibration(small, finished, "toy-kind")
    assert found
    assert (found.settings, found.runs, found.without) == (("none", "toy-same"), 4, 0)
    assert [row.code for row in found.rows] == ["en", "xx"]
    store, compiled = Store(finished), compile_experiment(small)
    for row in found.rows:
        for setting, numbers in zip(found.settings, row.numbers, strict=True):
            rows, predictions = predictions_of(compiled, setting, row.code)
            gold = {one["id"]: one["label"] for one in read_rows(store.artifact(rows) / ROWS)}
            bins: dict[int, list[tuple[float, bool]]] = {}
            for one in read_rows(store.artifact(predictions) / PREDICTIONS):
                chance = round(one["probability"], 4)
                assert 1 / 3 - 1e-4 <= chance <= 1
                place = next(n for n in range(15) if chance <= (n + 1) / 15)
                right = one["prediction"] == gold[one["id"]]
                bins.setdefault(place, []).append((chance, right))
            every = [pair for of in bins.values() for pair in of]
            gap = sum(abs(sum(p for p, _ in of) - sum(r for _, r in of)) for of in bins.values())
            assert numbers
            low, high = map(float, numbers.interval.split(" to "))
            assert 0 <= low <= high <= 100
            assert float(numbers.error) == pytest.approx(100 * gap / len(every), abs=0.051)
            assert float(numbers.confidence) == pytest.approx(
                100 * float(np.mean([p for p, _ in every])), abs=0.051
            )
            assert float(numbers.accuracy) == pytest.approx(
                100 * float(np.mean([right for _, right in every])), abs=0.051
            )
            assert found.examples == (len(every), len(every))


def test_targets_without_classes_have_no_calibration(
    small: LoadedExperiment, finished: Path
) -> None:
    assert calibration(small, finished, "toy-search") is None


def test_some_predictions_without_probabilities_are_counted_and_left_out(
    small: LoadedExperiment, copied: Path, tmp_path: Path
) -> None:
    store, compiled = Store(copied), compile_experiment(small)
    without_probabilities(store, predictions_of(compiled, "toy-same", "xx")[1])
    found = calibration(small, copied, "toy-kind")
    assert found
    assert (found.runs, found.without) == (4, 1)
    english, other = found.rows
    assert None not in english.numbers
    assert other.numbers[0] is not None
    assert other.numbers[1] is None
    text = xstilts.report(small, tmp_path / "x.html", copied).read_text("utf-8")
    assert "1 of 4 finished predictions hold no probabilities and are left out" in text


def test_predictions_of_an_earlier_version_give_words_and_the_same_scores(
    small: LoadedExperiment, copied: Path, tmp_path: Path
) -> None:
    store, compiled = Store(copied), compile_experiment(small)
    for setting in ("none", "toy-same"):
        for language in ("en", "xx"):
            without_probabilities(store, predictions_of(compiled, setting, language)[1])
    found = calibration(small, copied, "toy-kind")
    assert found == TargetCalibration("toy-kind", 4, 4)
    text = xstilts.report(small, tmp_path / "x.html", copied).read_text("utf-8")
    assert "The predictions of this target hold no probabilities" in text
    assert '<table class="calibration">' not in text
    assert '<table class="confusion plain">' in text


def test_the_page_has_the_section_with_a_described_diagram(
    small: LoadedExperiment, finished: Path, tmp_path: Path
) -> None:
    text = xstilts.report(small, tmp_path / "x.html", finished).read_text("utf-8")
    assert '<a href="#calibration">' in text
    section = text[text.index('<section id="calibration">') :].partition("</section>")[0]
    assert "arXiv&nbsp;1706.04599" in section
    assert "<title>Reliability of toy-kind after none</title><desc>English: ECE" in section
    assert section.count('<table class="calibration">') == 1
    assert "no probabilities" not in section


def test_a_mean_is_over_the_languages_that_every_setting_has() -> None:
    good = bins_of([0.9, 0.9], [True, True])
    bad = bins_of([0.8, 0.8], [False, True])
    bins = {
        "none": {"en": [bad], "de": [good, bad], "sw": [good], "fi": [bad]},
        "mnli": {"en": [bad], "de": [bad], "sw": [bad]},
    }
    (row,) = _means(bins, ["en", "de", "fi", "sw"])
    assert (row.name, row.code) == (MEAN, "de sw")
    first, second = row.numbers
    assert first
    assert second
    assert (first.error, first.confidence, first.accuracy) == ("15.0", "87.5", "87.5")
    assert (second.error, second.confidence, second.accuracy) == ("30.0", "80.0", "50.0")


def test_means_over_fewer_seeds_than_others_have_are_marked() -> None:
    bins = bins_of([0.9, 0.7], [True, True])
    one, both = _numbers([bins], 2), _numbers([bins, bins], 2)
    assert one
    assert both
    assert (one.error, one.seeds) == ("20.0", "1 of 2 seeds")
    assert (both.error, both.seeds) == ("20.0", "")
    assert _numbers([], 2) is None


def test_a_dot_stands_at_the_confidence_and_accuracy_of_its_bin() -> None:
    bins = bins_of([0.5, 0.5, 0.99, 1.0], [True, False, True, True])
    (series,) = reliability_diagram("t", "none", {"English": bins}).series
    (x, y, radius), (right, top, other) = series.dots
    assert (x, y) == (200, 152)
    assert (right, top) == (339, 12)
    assert radius == other
    assert "50 and 50 (2); 100 and 100 (2)" in series.words


def test_targets_that_are_left_out_are_named_with_the_command_that_shows_them() -> None:
    names = [f"t{number}" for number in range(TARGETS)]
    assert left_out(names, "big") is None
    more = left_out([*names, "mrpc", "sick (2 shots)", "sick"], "big")
    assert more
    assert more.targets == ("mrpc", "sick (2 shots)", "sick")
    assert more.command == (
        "xstilts report big.yaml --set 'targets=[mrpc, sick]' --out big-more.html"
    )
