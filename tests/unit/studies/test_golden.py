"""The words of every study on one planted case; `scaling` has its own in test_scaling.py."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from xstilts.planning.measures import MeasureRef
from xstilts.studies import difficulty, multimodal, reasoning, similarity
from xstilts.studies.base import Answer, Evidence
from xstilts.testing.planted import Planted, experiment

TASKS = ("mnli", "qqp", "piqa", "copa", "squad-v1", "conll2000", "hellaswag", "socialiqa")
NLI = ("mnli", "sick", "anli", "rte")


def with_measures(evidence: Evidence, names: dict[str, bool]) -> Evidence:
    """Measure → whether it is of a task and a target; the first one follows the order of tasks."""
    draw, measured = np.random.default_rng(0), []
    for number, (name, paired) in enumerate(names.items()):
        for place, task in enumerate(TASKS):
            for target in evidence.loaded.experiment.targets if paired else ("",):
                value = float(draw.random()) if number else 0.5 + place / 20
                measured.append(MeasureRef(name, task, other=target, seed=0, value=value))
    return replace(evidence, measured=tuple(measured))


def ordered(targets: tuple[str, ...]) -> Evidence:
    """The gain follows the order of the tasks."""
    loaded = experiment(("none", *TASKS), targets)

    def gain(setting: str, _: str) -> float:
        return 0.01 * TASKS.index(setting) if setting in TASKS else 0.0

    return Planted(loaded, gain, noise=0.002).evidence()


def of_difficulty() -> Answer:
    measures = {"accuracy": False, "confidence": False, "size": False, "length": False}
    return difficulty.STUDY.answer(with_measures(ordered(("tatoeba", "bucc")), measures))


def of_similarity() -> Answer:
    evidence = ordered(("xnli", "tatoeba", "xcopa", "pan-x", "paws-x"))
    return similarity.STUDY.answer(
        with_measures(evidence, {"textemb": True, "cka": True, "format": True})
    )


def of_reasoning() -> Answer:
    loaded = experiment(("none", *TASKS), ("xcopa", "mgsm-choice", "xnli"))

    def gain(setting: str, target: str) -> float:
        return 0.05 * (setting in reasoning.TASKS and target == "xcopa")

    return reasoning.STUDY.answer(Planted(loaded, gain, noise=0.004).evidence())


def of_multimodal() -> Answer:
    loaded = experiment(("none", *NLI, "qqp", "piqa", "squad-v1"), ("xvnli",))
    one = Planted(loaded, lambda setting, _: 0.1 * (setting in NLI))
    outcomes = one.outcomes()
    return multimodal.answered(one.evidence(outcomes), outcomes, draws=500)


@pytest.mark.parametrize("answer", [of_difficulty, of_similarity, of_reasoning, of_multimodal])
def test_the_words_of_a_study_are_the_golden_ones(
    answer: Callable[[], Answer], golden: Callable[[Answer], tuple[str, str]]
) -> None:
    found, expected = golden(answer())
    assert found == expected
