"""Former key names still load, with a note, and stage keys keep them."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from xstilts.config.load import load
from xstilts.config.recipe import OLD_RECIPE_KEYS, Recipe
from xstilts.core.errors import ConfigError

FORMER = """\
name: mine
encoder: e5-small-packaged
intermediate: [none]
targets: [home-intents]
evaluate: dev
trained_on: {home-intents: home-nli}
recipes:
  intermediate: &r
    clip: 2.0
    keep: last
  target: *r
  tasks:
    home-intents: {evaluations: 9}
"""
CURRENT = (
    FORMER.replace("evaluate:", "eval_split:")
    .replace("trained_on:", "train_task:")
    .replace("clip:", "max_grad_norm:")
    .replace("keep:", "checkpoint:")
    .replace("evaluations:", "num_evals:")
)


@pytest.fixture
def former(tmp_path: Path) -> str:
    path = tmp_path / "former.yaml"
    path.write_text(FORMER)
    return str(path)


@pytest.fixture
def current(tmp_path: Path) -> str:
    path = tmp_path / "current.yaml"
    path.write_text(CURRENT)
    return str(path)


def test_former_names_load_as_current_ones(former: str, current: str) -> None:
    assert load(former).experiment == load(current).experiment


def test_a_note_names_line_and_both_names(
    former: str, current: str, caplog: pytest.LogCaptureFixture
) -> None:
    load(former)
    notes = [record.getMessage() for record in caplog.records]
    assert f"{former}:5: evaluate is now eval_split" in notes
    assert f"{former}:9: recipes.intermediate.clip is now max_grad_norm" in notes
    assert f"{former}:13: recipes.tasks.home-intents.evaluations is now num_evals" in notes
    assert len(notes) == 5, "a mapping shared by an alias is noted once"
    assert all(record.levelno == logging.WARNING for record in caplog.records)
    caplog.clear()
    load(current)
    assert not caplog.records


@pytest.mark.parametrize(
    ("override", "note"),
    [
        ("recipes.target.clip=3", "--set recipes.target.clip"),
        ("recipes.target={clip: 3}", "--set recipes.target.clip"),
        ("recipes={target: {clip: 3}}", "--set recipes.target.clip"),
        ("recipes.target.max_grad_norm=3", None),
    ],
)
def test_overrides_take_both_names(
    current: str, caplog: pytest.LogCaptureFixture, override: str, note: str | None
) -> None:
    assert load(current, [override]).experiment.recipes.target.max_grad_norm == 3
    notes = [record.getMessage() for record in caplog.records]
    assert [note in text for text in notes if note] == ([True] if note else [])


def test_an_override_by_the_former_name_replaces_the_value_of_the_file(current: str) -> None:
    overrides = ["evaluate=test", "recipes.tasks.home-intents.evaluations=2"]
    experiment = load(current, overrides).experiment
    assert experiment.eval_split == "test"
    assert experiment.recipes.tasks["home-intents"].num_evals == 2


def test_a_file_that_extends_one_with_former_names_merges_with_it(
    former: str, tmp_path: Path
) -> None:
    path = tmp_path / "child.yaml"
    path.write_text("extends: former.yaml\nname: child\nrecipes: {target: {max_grad_norm: 4}}\n")
    recipe = load(str(path)).experiment.recipes.target
    assert (recipe.max_grad_norm, recipe.checkpoint) == (4, "last")


def test_a_key_given_by_both_names_is_an_error_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "both.yaml"
    path.write_text(CURRENT.replace("    checkpoint: last", "    max_grad_norm: 1\n    clip: 1"))
    with pytest.raises(ConfigError, match="duplicate key 'max_grad_norm'"):
        load(str(path))
    path.write_text(CURRENT.replace("    checkpoint: last", "    clip: 1"))
    with pytest.raises(ConfigError, match="recipes.intermediate.max_grad_norm") as caught:
        load(str(path))
    assert caught.value.where == f"{path}:10"
    assert "'clip'" in caught.value.what


def test_errors_in_renamed_keys_keep_their_line(tmp_path: Path) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text(FORMER.replace("clip: 2.0", "clip: -1"))
    with pytest.raises(ConfigError) as caught:
        load(str(path))
    assert caught.value.where == f"{path}:9"


def test_stage_keys_have_the_former_names() -> None:
    params = Recipe(checkpoint="last").key_params()
    assert OLD_RECIPE_KEYS.keys() <= params.keys()
    assert params.keys().isdisjoint(OLD_RECIPE_KEYS.values())


def test_a_recipe_is_read_back_from_its_stage_key() -> None:
    recipe = Recipe(max_grad_norm=2, checkpoint="last", num_evals=7, gradient_checkpointing=True)
    params = {**recipe.key_params(), **recipe.runtime_params()}
    assert Recipe.from_key_params(params) == recipe
