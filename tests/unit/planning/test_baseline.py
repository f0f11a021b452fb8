"""`baseline:` names the setting that gains of the others are over."""

from __future__ import annotations

from pathlib import Path

import pytest

import xstilts
from xstilts.api.handle import open_experiment
from xstilts.api.run_notes import run_notes
from xstilts.config.experiment import Experiment
from xstilts.config.intermediate import parse_setting
from xstilts.core.errors import ConfigError
from xstilts.planning.compile import CompiledPlan, compile_experiment
from xstilts.planning.measures import MEASURES, compile_measures
from xstilts.testing.tiny import write_experiment

CHAIN = "intermediate=[none, toy-tags, toy-tags > toy-same]"
OVER_TAGS = "baseline=toy-tags"


@pytest.fixture(scope="module")
def experiment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_experiment(tmp_path_factory.mktemp("baseline"))


def compiled(experiment: Path, *changes: str) -> CompiledPlan:
    changes = ("targets=[toy-kind]", CHAIN, *changes)
    return compile_experiment(xstilts.load(str(experiment), list(changes)))


def notes(experiment: Path, store: Path, *changes: str) -> str:
    loaded = xstilts.load(str(experiment), ["targets=[toy-kind]", *changes])
    return " ".join(run_notes(open_experiment(loaded, store)))


def given(**changes: object) -> Experiment:
    tree = {"name": "a", "encoder": "e", "intermediate": ("none", "t", "t > s"), "targets": ("x",)}
    return Experiment.model_validate(tree | changes)


def test_the_baseline_changes_no_stage_and_no_cell(experiment: Path) -> None:
    plain, other = compiled(experiment), compiled(experiment, OVER_TAGS)
    assert plain.plan.by_key.keys() == other.plan.by_key.keys()
    assert plain.cells == other.cells
    assert (plain.baseline, other.baseline) == ("none", "toy-tags")


def test_the_usual_baseline_is_not_written_in_records() -> None:
    assert "baseline" not in given().model_dump(mode="json", by_alias=True)
    assert given(baseline="none").model_dump(mode="json") == given().model_dump(mode="json")
    assert given(baseline="t").model_dump(mode="json")["baseline"] == "t"


@pytest.mark.parametrize("name", [" t>s ", "t > s"])
def test_the_baseline_is_written_as_settings_are(name: str) -> None:
    assert given(baseline=name).baseline == "t > s"


@pytest.mark.parametrize(
    ("baseline", "settings"), [("s", ("none", "t")), ("none", ("t", "t > s")), ("t+t", ("t",))]
)
def test_a_baseline_that_is_no_setting_is_refused(baseline: str, settings: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="baseline"):
        given(baseline=baseline, intermediate=settings)


def test_a_target_whose_baseline_is_itself_is_refused(experiment: Path) -> None:
    with pytest.raises(ConfigError, match="toy-kind") as refused:
        compiled(experiment, "intermediate=[none, toy-kind]", "baseline=toy-kind")
    assert refused.value.where.endswith("baseline")


def test_the_baseline_may_not_be_excluded(experiment: Path) -> None:
    exclude = "exclude=[{intermediate: [toy-tags], targets: [toy-kind]}]"
    assert compiled(experiment, exclude).cells
    with pytest.raises(ConfigError, match="baseline toy-tags"):
        compiled(experiment, exclude, OVER_TAGS)


def test_settings_not_after_the_baseline_are_noted(experiment: Path, tmp_path: Path) -> None:
    mixed = "intermediate=[none, toy-tags, toy-same, toy-tags > toy-same]"
    assert "toy-tags: toy-same;" in notes(experiment, tmp_path, mixed, OVER_TAGS)
    assert "toy-same;" not in notes(experiment, tmp_path, CHAIN, OVER_TAGS)
    assert "toy-same;" not in notes(experiment, tmp_path, mixed)


def test_no_gains_are_announced_where_the_usual_baseline_is_missing(
    experiment: Path, tmp_path: Path
) -> None:
    chain = "intermediate=[toy-tags, toy-tags > toy-same]"
    assert "no gains" in notes(experiment, tmp_path, chain)
    assert "no gains" not in notes(experiment, tmp_path, chain, OVER_TAGS)


def test_measures_are_of_the_tasks_that_are_added_to_the_baseline(experiment: Path) -> None:
    changes = ["targets=[toy-kind]", "intermediate=[none, toy-tags, toy-tags > toy-same]"]
    loaded = xstilts.load(str(experiment), changes)
    over_none = compile_measures(loaded, ["textemb"])[1]
    loaded = xstilts.load(str(experiment), [*changes, OVER_TAGS])
    over_tags = compile_measures(loaded, ["textemb"])[1]
    assert {one.task for one in over_none} == {"toy-tags"}
    assert {one.task for one in over_tags} == {"toy-tags > toy-same"}


def test_trainings_of_measures_continue_the_baseline(experiment: Path) -> None:
    changes = ["targets=[toy-kind, toy-search]", CHAIN, OVER_TAGS]
    loaded = xstilts.load(str(experiment), changes)
    stages, measured = compile_measures(loaded, list(MEASURES.names()))
    assert {one.task for one in measured} == {"toy-tags > toy-same"}
    (baseline,) = (one.key for one in stages if one.label == "train toy-tags seed 0")
    continued = [one.label for one in stages if one.inputs.get("base") == baseline]
    for label in ("dynamics toy-tags > toy-same", "up to 1/2", "toy-same in part"):
        assert any(label in one for one in continued), (label, continued)
    compared = next(one for one in stages if one.label.startswith("compare cka toy-search"))
    by_key = {one.key: one for one in stages}
    assert by_key[compared.inputs["other"]].inputs["base"] == baseline


def test_recipes_of_targets_are_searched_after_the_baseline(experiment: Path) -> None:
    search = "search={targets: [toy-kind], learning_rate: [1.0e-4, 2.0e-4]}"
    plan = compiled(experiment, search, OVER_TAGS).plan
    (adapted,) = (one.key for one in plan.stages if one.label == "train toy-tags seed 0")
    trials = [one for one in plan.stages if "learning_rate" in one.label]
    assert {one.inputs["base"] for one in trials} == {adapted}


def test_only_the_baseline_without_training_is_labelled_baseline(experiment: Path) -> None:
    assert any("(baseline)" in one.label for one in compiled(experiment).plan.stages)
    assert not any("(baseline)" in one.label for one in compiled(experiment, OVER_TAGS).plan.stages)


@pytest.mark.parametrize(
    ("setting", "start", "added"),
    [("a > b", "a", "b"), ("a > b", "none", "a > b"), ("a", "a", "none"), ("b", "a", None)],
)
def test_what_a_setting_adds(setting: str, start: str, added: str | None) -> None:
    after = parse_setting(setting).after(parse_setting(start))
    assert (after and after.name) == added
