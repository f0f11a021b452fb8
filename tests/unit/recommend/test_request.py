"""The experiment that a question about candidates stands for."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from xstilts.config.load import LoadedExperiment, load
from xstilts.core.errors import UnknownNameError
from xstilts.planning.compile import compile_experiment
from xstilts.recommend.request import Request, make_request

TARGETS = ("tatoeba", "pan-x", "udpos", "xcopa")
SHARED = {"tr", "vi", "zh"}
"""Languages in which the presets evaluate all targets."""


def request(base: LoadedExperiment, target: str, languages: Sequence[str] = ()) -> Request:
    return make_request(target, ["sick", "mrpc"], base, languages=languages)


def languages(loaded: LoadedExperiment, target: str) -> set[str]:
    return {one.language for one in compile_experiment(loaded).cells if one.target == target}


@pytest.mark.parametrize("options", [(), ("task_languages=null",)])
@pytest.mark.parametrize("target", TARGETS)
def test_a_target_is_evaluated_in_the_languages_that_it_has_in_the_base(
    target: str, options: Sequence[str]
) -> None:
    for preset in ("studies-grid", "few-examples-grid"):
        base = load(preset, options)
        found = languages(request(base, target).loaded, target)
        assert found >= SHARED
        assert found == languages(base, target)


@pytest.mark.parametrize("options", [(), ("task_languages=null",), ("languages=[th]",)])
def test_the_languages_asked_for_replace_those_of_the_base(options: Sequence[str]) -> None:
    asked = request(load("studies-grid", options), "tatoeba", ["de", "sw"])
    assert languages(asked.loaded, "tatoeba") == {"de", "sw"}


def test_a_language_that_the_target_lacks_is_refused_by_the_options_name() -> None:
    with pytest.raises(UnknownNameError, match="language of udpos 'sw'") as error:
        request(load("studies-grid"), "udpos", ["de", "sw"])
    assert error.value.where == "--languages"


@pytest.mark.parametrize(
    "option",
    [
        "few_shot={examples: [10], targets: [pan-x]}",
        "translate_test=[xcopa]",
        "revisions={cambridgeltl/xcopa: main}",
    ],
)
def test_options_of_other_targets_are_left_out(option: str) -> None:
    base = load("few-examples-grid", [option, "translator={engine: toy}"])
    expected = {"ar", "de", "el", "es", "hi", "ru", "sw", "th", "tr", "vi", "zh"}
    assert languages(request(base, "tatoeba").loaded, "tatoeba") == expected


def test_languages_of_other_targets_are_left_out() -> None:
    base = load("few-examples-grid", ["languages=[de, qu]", "task_languages=null"])
    assert request(base, "tatoeba").loaded.experiment.languages == ("de",)


def test_a_language_of_the_base_that_no_target_has_is_an_error() -> None:
    base = load("few-examples-grid", ["languages=[de, qq]", "task_languages=null"])
    with pytest.raises(UnknownNameError, match="'qq'"):
        compile_experiment(request(base, "tatoeba").loaded)


def test_few_shot_and_translated_evaluations_of_the_target_are_left_out() -> None:
    options = ["few_shot={examples: [10], targets: [xcopa]}", "translate_test=[xcopa]"]
    base = load("few-examples-grid", [*options, "translator={engine: toy}"])
    experiment = request(base, "xcopa").loaded.experiment
    assert experiment.few_shot is None
    assert experiment.translate_test is None
