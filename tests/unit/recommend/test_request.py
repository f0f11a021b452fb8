"""The experiment that a question about candidates stands for."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pandas as pd
import pytest
import yaml

from xstilts.config.load import LoadedExperiment, load
from xstilts.core.errors import UnknownNameError
from xstilts.core.store import Store
from xstilts.planning.compile import compile_experiment
from xstilts.recommend.request import MeasuredTasks, Request, make_request
from xstilts.tasks import user_tasks

TARGETS = ("tatoeba", "pan-x", "udpos", "xcopa")
SHARED = {"tr", "vi", "zh"}
"""Languages in which the presets evaluate all targets."""


def request(base: LoadedExperiment, target: str, languages: Sequence[str] = ()) -> Request:
    return make_request(target, ["sick", "mrpc"], base, languages=languages)


def languages(loaded: LoadedExperiment, target: str) -> set[str]:
    return {one.language for one in compile_experiment(loaded).cells if one.target == target}


@cache
def preset_with_languages(
    preset: str, options: tuple[str, ...]
) -> tuple[LoadedExperiment, dict[str, set[str]]]:
    """A preset, compiled once for all its targets, and target → languages."""
    base = load(preset, options)
    found: dict[str, set[str]] = {}
    for one in compile_experiment(base).cells:
        found.setdefault(one.target, set()).add(one.language)
    return base, found


@pytest.mark.parametrize("options", [(), ("task_languages=null",)])
@pytest.mark.parametrize("target", TARGETS)
def test_a_target_is_evaluated_in_the_languages_that_it_has_in_the_base(
    target: str, options: tuple[str, ...]
) -> None:
    for preset in ("studies-grid", "few-examples-grid"):
        base, by_target = preset_with_languages(preset, options)
        found = languages(request(base, target).loaded, target)
        assert found >= SHARED
        assert found == by_target[target]


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


@pytest.fixture
def elsewhere(tmp_path: Path, toy_file: Path) -> Path:
    """The toy experiment with a further target, which is a copy of `toy-kind` in `{data}`."""
    shutil.copytree(toy_file.parent, tmp_path / "toy")
    path = tmp_path / "toy" / toy_file.name
    tree = yaml.safe_load(path.read_text("utf-8"))
    tree["tasks"]["other"] = {
        **tree["tasks"]["toy-kind"],
        "files": "{data}/kind-{split}-{language}.tsv",
    }
    tree["targets"] = ["toy-kind", "toy-tags", "other"]
    path.write_text(yaml.safe_dump(tree), "utf-8")
    return path


@pytest.mark.parametrize(
    "option",
    [
        "languages=[en, xx]",
        "task_limits={other: {train: 8}}",
        "splits={other: {train: 'train[:50%]'}}",
    ],
)
def test_options_of_a_task_that_is_not_needed_need_no_data(elsewhere: Path, option: str) -> None:
    base = load(str(elsewhere), [option])
    asked = make_request("toy-kind", ["toy-same"], base)
    assert languages(asked.loaded, "toy-kind") == {"en", "xx"}


@pytest.mark.parametrize(
    "option", ["task_limits={othr: {train: 8}}", "splits={othr: {train: dev}}"]
)
def test_options_of_an_unknown_task_are_refused(elsewhere: Path, option: str) -> None:
    base = load(str(elsewhere), [option])
    with pytest.raises(UnknownNameError, match="did you mean 'other'"):
        compile_experiment(make_request("toy-kind", ["toy-same"], base).loaded)


def known(*pairs: tuple[str, str]) -> pd.DataFrame:
    return pd.DataFrame(pairs, columns=["intermediate", "target"])


GAINS = known(("toy-same", "toy-tags"), ("toy-same", "other"))


def measured(base: LoadedExperiment, store: Path, gains: pd.DataFrame = GAINS) -> MeasuredTasks:
    asked = make_request("toy-kind", ["toy-same"], base)
    return asked.with_known_tasks(gains, Store(store))


def test_a_known_task_without_its_data_is_left_out_of_the_measures(
    elsewhere: Path, tmp_path: Path
) -> None:
    found = measured(load(str(elsewhere)), tmp_path / "store")
    assert found.loaded.experiment.targets == ("toy-kind", "toy-tags")
    (note,) = found.notes
    assert "other" in note
    assert "the folder of the experiment's data" in note
    data = str(elsewhere.parent / "data")
    found = measured(load(str(elsewhere), [f"data={data}"]), tmp_path / "store")
    assert found.loaded.experiment.targets == ("toy-kind", "toy-tags", "other")
    assert found.notes == ()


def test_a_known_task_with_a_missing_file_is_left_out_of_the_measures(
    elsewhere: Path, tmp_path: Path
) -> None:
    (elsewhere.parent / "data" / "tags-train-en.tsv").unlink()
    found = measured(load(str(elsewhere)), tmp_path / "store")
    assert found.loaded.experiment.targets == ("toy-kind",)
    assert found.left_out["toy-tags"] == "there is no file data/tags-train-en.tsv"
    assert set(found.left_out) == {"toy-tags", "other"}


def test_a_known_task_with_an_unreadable_file_is_left_out_of_the_measures(
    elsewhere: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = user_tasks.digest_of_unchanged

    def refuse(path: Path) -> str:
        if path.name.startswith("tags"):
            raise PermissionError(13, "Permission denied", str(path))
        return digest(path)

    monkeypatch.setattr(user_tasks, "digest_of_unchanged", refuse)
    gains = known(("toy-same", "toy-tags"), ("toy-same", "toy-search"))
    found = measured(load(str(elsewhere)), tmp_path / "store", gains)
    assert found.loaded.experiment.targets == ("toy-kind", "toy-search")
    assert "Permission denied" in found.left_out["toy-tags"]
