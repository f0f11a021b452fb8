"""Intervals of a language: around the score and the gain, wider with few examples and seeds."""

from __future__ import annotations

import math
import shutil
from pathlib import Path

import numpy as np
import pytest

from xstilts.analysis import saved_language_intervals as saved_module
from xstilts.analysis.example_scores import ExampleScores
from xstilts.analysis.language_intervals import (
    LanguageInterval,
    language_intervals,
    target_intervals,
)
from xstilts.api.handle import ExperimentHandle
from xstilts.config.load import LoadedExperiment
from xstilts.core.store import Store
from xstilts.core.store_layout import GAINS


def scores(setting: str, seed: int, right: np.ndarray, language: str = "de") -> ExampleScores:
    statistics = np.stack([right, np.ones(len(right))], axis=1).astype(float)
    ids = tuple(map(str, range(len(right))))
    return ExampleScores("tiny", setting, "toy", language, seed, "accuracy", ids, statistics)


def answers(n: int, share: float) -> np.ndarray:
    return np.arange(n) < share * n


def intervals(*runs: ExampleScores) -> dict[tuple[str, str], LanguageInterval]:
    found = target_intervals(runs, "none", draws=1000)
    return {(one.language, one.intermediate): one for one in found}


def width(one: LanguageInterval) -> float:
    return one.score_high - one.score_low


def test_score_and_gain_are_inside_their_intervals() -> None:
    found = intervals(
        *(scores("none", seed, answers(200, 0.50)) for seed in (0, 1)),
        *(scores("mnli", seed, answers(200, 0.60)) for seed in (0, 1)),
    )
    after, before = found["de", "mnli"], found["de", "none"]
    assert after.score_low < 0.6 < after.score_high
    assert 0 < after.gain_low < 0.1 < after.gain_high
    assert math.isnan(before.gain_low)
    assert (after.n, after.seeds) == (200, 2)


def test_an_interval_of_one_seed_is_that_of_a_proportion() -> None:
    one = intervals(scores("none", 0, answers(400, 0.5)))["de", "none"]
    assert width(one) == pytest.approx(2 * 1.96 * math.sqrt(0.25 / 400), rel=0.1)


def test_seeds_that_differ_widen_the_interval() -> None:
    equal = intervals(*(scores("none", seed, answers(400, 0.5)) for seed in (0, 1, 2)))
    differ = intervals(
        *(scores("none", seed, answers(400, s)) for seed, s in enumerate((0.3, 0.5, 0.7)))
    )
    assert width(differ["de", "none"]) > 2 * width(equal["de", "none"])


def test_languages_and_unpaired_seeds_are_kept_apart() -> None:
    found = intervals(
        scores("none", 0, answers(50, 0.2)),
        scores("none", 0, answers(50, 0.9), "sw"),
        scores("mnli", 1, answers(50, 0.4)),
    )
    assert found["sw", "none"].score_low > found["de", "none"].score_high
    assert math.isnan(found["de", "mnli"].gain_low)


def test_other_examples_are_refused() -> None:
    with pytest.raises(ValueError, match="different examples"):
        intervals(scores("none", 0, answers(50, 0.2)), scores("mnli", 0, answers(40, 0.2)))


def test_saved_intervals_are_read_and_damaged_ones_computed_again(
    small: LoadedExperiment, copied: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.rmtree(copied / GAINS, ignore_errors=True)
    computed: list[int] = []

    def counted(*given: object) -> list[LanguageInterval]:
        computed.append(1)
        return list(language_intervals(*given))  # type: ignore[arg-type]

    monkeypatch.setattr(saved_module, "language_intervals", counted)
    first = ExperimentHandle(small, Store(copied)).language_intervals
    assert len(first) > 0
    assert repr(ExperimentHandle(small, Store(copied)).language_intervals) == repr(first)
    assert computed == [1]
    (path,) = (copied / GAINS).glob("*-languages.json")
    path.write_text(path.read_text(encoding="utf-8").replace("0.", "1.", 1), encoding="utf-8")
    assert repr(ExperimentHandle(small, Store(copied)).language_intervals) == repr(first)
    assert computed == [1, 1]
