"""The file of an exported model's experiment can be run."""

from __future__ import annotations

from pathlib import Path

import pytest

import xstilts
from xstilts.analysis.run_records import experiment_config
from xstilts.config.experiment import Experiment
from xstilts.config.load import presets
from xstilts.config.recipe import Recipe
from xstilts.export.reproduction import experiment_text
from xstilts.reports.html import as_yaml


@pytest.mark.parametrize("name", sorted(presets()))
def test_the_file_of_a_record_gives_the_recorded_experiment(name: str, tmp_path: Path) -> None:
    """Recipes of single targets are recorded with null for all that they leave as it is."""
    recorded = experiment_config(xstilts.load(name).experiment)
    file = tmp_path / "experiment.yaml"
    file.write_text(experiment_text(recorded, "0.1.0"), encoding="utf-8")
    assert experiment_config(xstilts.load(str(file)).experiment) == recorded


GIVEN = "name: x\nencoder: e\nintermediate: [none]\ntargets: [xquad]\n"
EMPTIED = sorted(name for name, field in Recipe.model_fields.items() if field.default is None)


@pytest.mark.parametrize("name", EMPTIED)
@pytest.mark.parametrize(
    "where",
    [
        "recipes: {tasks: {xquad: {CHANGES}}}",
        "encoder: {name: e, recipe: {CHANGES}}",
        "encoders: [{name: e, recipe: {tasks: {xquad: {CHANGES}}}}, f]",
        "few_shot: {examples: [4], recipe: {CHANGES}}",
    ],
)
def test_a_null_in_changes_of_a_recipe_is_recorded(name: str, where: str, tmp_path: Path) -> None:
    """It replaces the value of the recipe, and an absent key keeps it."""
    path = tmp_path / "given.yaml"

    def loaded(text: str) -> Experiment:
        path.write_text(text, encoding="utf-8")
        return xstilts.load(str(path)).experiment

    plain = GIVEN if "encoder" not in where else GIVEN.replace("encoder: e\n", "")
    given, absent = (
        loaded(plain + where.replace("CHANGES", changes)) for changes in (f"{name}: null", "")
    )
    recorded = experiment_config(given)
    assert recorded != experiment_config(absent)
    for text in (as_yaml(given), experiment_text(recorded, "0.1.0")):
        assert experiment_config(loaded(text)) == recorded


def test_the_file_of_a_record_that_this_version_cannot_read_has_all_its_keys() -> None:
    text = experiment_text({"name": "old", "no_such_key": 1}, "0.0.1")
    assert "no_such_key: 1" in text
