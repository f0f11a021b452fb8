"""The study `multimodal` with controls: gains through images are found, gains on text are none."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from xstilts.analysis.control_contrasts import NO_SCORES, OTHER_EXAMPLES, ControlledRuns
from xstilts.analysis.run_states import RunState
from xstilts.studies.base import Answer
from xstilts.studies.multimodal import answered, controls_of, targets_of
from xstilts.testing.answers import estimate_of
from xstilts.testing.planted import Planted, experiment

NLI = ("mnli", "sick")
IMAGES: Mapping[str, Any] = {
    "format": "image_inference",
    "files": "{split}-{language}.tsv",
    "splits": {"train": ["en"], "dev": ["en"], "test": ["en", "de", "fi", "sw"]},
    "columns": ["text", "image", "label"],
    "labels": ["entailment", "neutral", "contradiction"],
    "images": "pictures",
}
TASKS = {"see": IMAGES, "blind": {**IMAGES, "withhold_images": True, "control_of": "see"}}
LOADED = experiment(("none", *NLI, "qqp"), ("see", "blind"), tasks=TASKS)

Gain = Callable[[str, str], float]


def planted(gain: Gain, seeds: int = 4, **rest: Any) -> Planted:
    return Planted(LOADED, gain, seeds=range(seeds), **rest)


def answer_of(gain: Gain, seeds: int = 4, **rest: Any) -> Answer:
    one = planted(gain, seeds, **rest)
    outcomes = one.outcomes()
    return answered(one.evidence(outcomes), outcomes, draws=200)


def through_images(setting: str, target: str) -> float:
    """Images are worth 15 points, and inference tasks add 10 that the control does not have."""
    return (0.15 + 0.1 * (setting in NLI)) * (target == "see")


def on_text(setting: str, _: str) -> float:
    """Inference tasks add 10 points with and without images."""
    return 0.1 * (setting in NLI)


def as_on_text(setting: str, target: str) -> float:
    """Images are worth 15 points, and the gain is the same with and without them."""
    return 0.15 * (target == "see") + on_text(setting, target)


def verdicts(answer: Answer) -> list[str]:
    return [one.text for one in answer.findings if one.name == "see-images"]


def test_a_control_is_no_target_of_its_own() -> None:
    assert list(targets_of(LOADED)) == ["see"]
    assert controls_of(LOADED) == {"see": ("blind",)}
    alone = experiment(("none", "mnli"), ("blind",), tasks=TASKS)
    assert list(targets_of(alone)) == ["blind"]
    assert controls_of(alone) == {}


def test_a_gain_through_images_is_found() -> None:
    answer = answer_of(through_images)
    for name, value in (
        ("see-above-control-none", 15),
        ("see-above-control-inference", 25),
        ("see-gain-above-control", 10),
        ("see-gain-above-control-mnli", 10),
    ):
        estimate = estimate_of(answer, name)
        assert estimate.low < value < estimate.high, name
        assert estimate.significant, name
    assert verdicts(answer) == []
    assert estimate_of(answer, "see-gain-above-control").n == 3 * 300


def test_a_gain_on_text_shows_nothing_about_images() -> None:
    answer = answer_of(on_text)
    assert estimate_of(answer, "see-inference").significant
    assert not estimate_of(answer, "see-gain-above-control").significant
    (text,) = verdicts(answer)
    assert "Nothing about images is shown to have been learned" in text
    assert text in answer.summary


def test_a_gain_that_the_control_has_too_is_none_above_it() -> None:
    answer = answer_of(as_on_text)
    assert estimate_of(answer, "see-above-control-none").significant
    assert not estimate_of(answer, "see-gain-above-control").significant
    assert verdicts(answer) == []


def test_a_target_below_its_control_has_learned_nothing_about_images() -> None:
    answer = answer_of(lambda _, target: -0.2 * (target == "see"))
    assert estimate_of(answer, "see-above-control-none").significant
    assert len(verdicts(answer)) == 1


@pytest.mark.parametrize("gain", [on_text, as_on_text])
def test_differences_that_are_not_there_are_rarely_significant(gain: Gain) -> None:
    """In 30 experiments, at a level of 5 %."""
    found = []
    for number in range(30):
        outcomes = planted(gain, seed=number, n=100).outcomes()
        parts = ([one for one in outcomes if one.target == name] for name in ("see", "blind"))
        runs = ControlledRuns.of(*parts, "accuracy", 300)
        found.append(runs.gain_difference(NLI).estimate.significant)
        if gain is on_text:
            found.append(runs.score_difference(NLI).estimate.significant)
    assert sum(found) <= 0.1 * len(found)


def test_one_seed_is_not_tested() -> None:
    answer = answer_of(through_images, seeds=1)
    for name in ("see-above-control-none", "see-gain-above-control"):
        assert math.isnan(estimate_of(answer, name).p)
    assert "not tested" in verdicts(answer)[0]


def test_a_control_at_chance_may_collapse_and_its_target_may_not() -> None:
    collapsed = {("none", "blind"): RunState.COLLAPSED, ("mnli", "blind"): RunState.COLLAPSED}
    answer = answer_of(through_images, states=collapsed)
    assert estimate_of(answer, "see-gain-above-control-mnli").significant
    answer = answer_of(through_images, states={("mnli", "see"): RunState.COLLAPSED})
    table = next(table.frame for table in answer.tables if table.name == "see-control-tasks")
    assert list(table["intermediate"]) == ["sick"]


def test_collapsed_runs_count_as_scores_above_the_control() -> None:
    """Their gain is not used, but a target at chance is evidence that nothing was learned."""
    collapsed = {("none", "see"): RunState.COLLAPSED}
    answer = answer_of(lambda *_: 0.0, states=collapsed)
    estimate = estimate_of(answer, "see-above-control-inference")
    assert not math.isnan(estimate.value)
    assert not estimate.significant
    assert math.isnan(estimate_of(answer, "see-gain-above-control").value)
    assert len(verdicts(answer)) == 1


def test_tasks_with_the_targets_data_are_not_compared_with_its_control() -> None:
    answer = answer_of(through_images, states={("mnli", "see"): RunState.SAME_DATA})
    table = next(table.frame for table in answer.tables if table.name == "see-control-tasks")
    assert list(table["intermediate"]) == ["sick"]


def test_missing_scores_of_the_control_leave_the_question_open() -> None:
    missing = frozenset((name, "blind") for name in LOADED.experiment.intermediate)
    answer = answer_of(through_images, missing=missing)
    assert estimate_of(answer, "see-above-control-none").note == NO_SCORES
    assert math.isnan(estimate_of(answer, "see-gain-above-control").value)
    assert "not tested" in verdicts(answer)[0]


def test_a_control_with_other_examples_is_not_compared() -> None:
    outcomes = planted(through_images).outcomes()
    see = [one for one in outcomes if one.target == "see"]
    blind = [one for one in outcomes if one.target == "blind"]
    renamed = [replace(one, ids=tuple(f"other {name}" for name in one.ids)) for one in blind]
    runs = ControlledRuns.of(see, renamed, "accuracy", 50)
    assert runs.score_difference(["none"]).estimate.note == OTHER_EXAMPLES


def test_differences_are_those_of_the_runs_that_all_have() -> None:
    outcomes = planted(through_images).outcomes()
    kept = [
        one for one in outcomes if (one.intermediate, one.target, one.seed) != ("mnli", "blind", 3)
    ]
    parts = ([one for one in kept if one.target == name] for name in ("see", "blind"))
    runs = ControlledRuns.of(*parts, "accuracy", 50)
    difference = runs.gain_difference(["mnli", "sick"])
    assert difference.seeds == 3
    rate = {
        (one.intermediate, one.target, one.language, one.seed): one.statistics[:, 0].mean()
        for one in outcomes
    }
    expected = [
        rate[task, "see", code, seed] - rate["none", "see", code, seed]
        - rate[task, "blind", code, seed] + rate["none", "blind", code, seed]
        for task in NLI for code in ("de", "fi", "sw") for seed in range(3)
    ]  # fmt: skip
    assert difference.estimate.value == pytest.approx(sum(expected) / len(expected))


def test_every_language_has_a_row() -> None:
    answer = answer_of(through_images)
    table = next(table.frame for table in answer.tables if table.name == "see-control-languages")
    assert list(table["language"]) == ["de", "fi", "sw"]
    assert table["baseline_above"].between(5, 25).all()


def test_a_target_without_a_control_says_so() -> None:
    loaded = experiment(("none", "mnli"), ("see",), tasks=TASKS)
    one = Planted(loaded, through_images)
    outcomes = one.outcomes()
    answer = answered(one.evidence(outcomes), outcomes, draws=50)
    assert any("without a control" in text for text in answer.caveats)
