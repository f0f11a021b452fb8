"""Published recipes: complete, with sources, and used by name in a file, override or encoder."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import xstilts
from xstilts.config.experiment import Experiment
from xstilts.config.named_recipes import named_recipe, named_recipe_files
from xstilts.config.recipe import Recipe, Recipes
from xstilts.config.recipe_search import RecipeSearch
from xstilts.core.errors import ConfigError, UnknownNameError
from xstilts.tasks import TASKS

NAMES = list(named_recipe_files())


def loaded(folder: Path, text: str, *overrides: str) -> Experiment:
    path = folder / "mine.yaml"
    path.write_text(f"extends: nlu-evals\nname: mine\n{text}\n")
    return xstilts.load(str(path), overrides).experiment


@pytest.mark.parametrize("name", NAMES)
def test_every_recipe_is_valid_and_cites_its_sources(name: str) -> None:
    recipe = named_recipe(name)
    given = Recipes.model_validate(recipe.recipes)
    assert given.target == given.intermediate
    assert set(given.tasks) <= set(TASKS)
    if recipe.search:
        assert RecipeSearch.model_validate(recipe.search).trials()
    pattern = r"^[\w.-]+/[\w.-]+(#\d+|@[0-9a-f]{7,}), .+"
    assert recipe.sources
    assert all(re.match(pattern, source) for source in recipe.sources)
    assert recipe.ours


@pytest.mark.parametrize(
    ("name", "task", "values"),
    [
        ("eurobert-610m", "paws-x", {"learning_rate": 4.6e-5, "patience": 1, "adam_beta2": 0.95}),
        ("eurobert-2.1b", "xnli", {"learning_rate": 2.8e-5, "max_steps": 10_000}),
        ("modernbert", "stsb", {"learning_rate": 3e-5, "batch_size": 32, "adam_beta2": 0.98}),
        ("modernbert", "xnli", {"learning_rate": 5e-5, "batch_size": 64, "patience": None}),
        ("neobert", "xnli", {"patience": 15, "epochs": 10, "warmup_ratio": 0.06}),
        (
            "xlm-roberta-large",
            "xnli",
            {"learning_rate": 3e-5, "eval_steps": 100, "warmup_ratio": 0},
        ),
        ("xlm-roberta-base", "mlqa", {"learning_rate": 3e-5, "warmup_steps": 500, "epochs": 3}),
        ("mmbert", "udpos", {"learning_rate": 2e-5, "epochs": 10, "checkpoint": "last"}),
    ],
)
def test_values_are_those_of_the_source(name: str, task: str, values: dict[str, object]) -> None:
    recipe = Recipes.model_validate(named_recipe(name).recipes)
    own = recipe.tasks[task].model_dump(exclude_unset=True) if task in recipe.tasks else {}
    found = recipe.target.model_copy(update=own)
    assert {field: getattr(found, field) for field in values} == values


def test_a_recipe_replaces_all_recipes_of_the_extended_file(tmp_path: Path) -> None:
    found = loaded(tmp_path, "recipes: {preset: eurobert-610m}").recipes
    assert found.target.batch_size == 32
    assert found.target.max_length == Recipe().max_length
    assert set(found.tasks) == {"xnli", "paws-x"}
    assert found.tasks["xnli"].model_fields_set == {"eval_steps"}


def test_keys_beside_the_name_change_its_values(tmp_path: Path) -> None:
    text = "recipes: {preset: modernbert, target: {epochs: 1}, tasks: {mlqa: {epochs: 7}}}"
    found = loaded(tmp_path, text).recipes
    assert (found.target.epochs, found.target.learning_rate) == (1, 5e-5)
    assert found.intermediate.epochs == 2
    assert set(found.tasks) == {"mlqa"}  # of the targets: the recipe names rte, copa …


def test_an_override_names_a_recipe_and_later_ones_change_it(tmp_path: Path) -> None:
    changes = ["recipes.preset=neobert", "recipes.target.batch_size=16", "search.preset=neobert"]
    found = loaded(tmp_path, "search: {epochs: [1, 2]}", *changes)
    assert (found.recipes.target.batch_size, found.recipes.target.patience) == (16, 15)
    assert found.search is not None
    assert len(found.search.trials()) == 60


def test_a_search_takes_published_values(tmp_path: Path) -> None:
    found = loaded(tmp_path, "search: {preset: encodeval, seeds: [7, 8]}").search
    assert found is not None
    assert [trial["learning_rate"] for trial in found.trials()][-1] == 5e-4
    assert found.seeds == (7, 8)


def test_the_recipe_of_an_encoder_takes_the_values_for_single_targets(tmp_path: Path) -> None:
    text = (
        "encoders: [xlm-roberta-base, "
        "{name: EuroBERT/EuroBERT-210m, recipe: {preset: eurobert-610m, epochs: 2}}]"
    )
    first, second = loaded(tmp_path, text).all_encoders
    assert first.recipe is None
    assert second.recipe is not None
    assert (second.recipe.learning_rate, second.recipe.epochs) == (3.6e-5, 2)
    tasks = {name: own.model_dump(exclude_unset=True) for name, own in second.recipe.tasks.items()}
    assert tasks == {
        "xnli": {"eval_steps": 10_000},
        "paws-x": {"learning_rate": 4.6e-5, "eval_steps": 1544},
    }


def test_an_encoder_takes_values_of_a_recipe_for_its_targets_alone(tmp_path: Path) -> None:
    text = "targets: [pan-x]\nencoder: {name: xlm-roberta-base, recipe: {preset: eurobert-610m}}"
    (encoder,) = loaded(tmp_path, text).all_encoders
    assert encoder.recipe is not None
    assert not encoder.recipe.tasks


@pytest.mark.parametrize(
    ("recipe", "changes"),
    [
        ("{preset: eurobert-610m, learning_rate: 1.0e-5}", []),
        ("{preset: eurobert-610m}", ["encoder.recipe.learning_rate=1.0e-5"]),
    ],
)
def test_a_value_of_an_encoder_replaces_those_of_its_recipe_for_single_targets(
    tmp_path: Path, recipe: str, changes: list[str]
) -> None:
    text = f"encoder: {{name: xlm-roberta-base, recipe: {recipe}}}"
    (encoder,) = loaded(tmp_path, text, *changes).all_encoders
    assert encoder.recipe is not None
    assert encoder.recipe.learning_rate == 1e-5
    assert encoder.recipe.tasks["paws-x"].model_dump(exclude_unset=True) == {"eval_steps": 1544}


@pytest.mark.parametrize("section", ["recipes", "search"])
def test_an_unknown_name_is_an_error_with_its_line_and_a_suggestion(
    tmp_path: Path, section: str
) -> None:
    with pytest.raises(UnknownNameError, match=r"mine.yaml:3") as caught:
        loaded(tmp_path, f"{section}: {{preset: modernbrt}}")
    assert "modernbert" in str(caught.value)


def test_a_recipe_without_a_search_cannot_be_searched_by(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"mine.yaml:3") as caught:
        loaded(tmp_path, "search: {preset: mmbert}")
    assert "neobert" in str(caught.value)


def test_the_verb_lists_recipes() -> None:
    frame = xstilts.recipes()
    assert list(frame["recipe"]) == NAMES
    assert frame.set_index("recipe")["patience"]["neobert"] == 15
    assert list(xstilts.recipes("mmbert")["search"]) == [False]


@pytest.mark.parametrize("size", ["base", "large"])
def test_the_recipe_of_xlm_r_equals_the_preset_of_its_protocol(size: str) -> None:
    preset = xstilts.load("xtreme-scripts").experiment.recipes
    recipe = Recipes.model_validate(named_recipe(f"xlm-roberta-{size}").recipes)
    for task in ("xnli", "paws-x", "udpos", "pan-x", "xquad"):
        ours, theirs = (
            Recipe.model_validate(
                given.target.model_dump() | given.tasks[task].model_dump(exclude_unset=True)
                if task in given.tasks
                else given.target.model_dump()
            ).model_copy(update={"gradient_accumulation_steps": 1})
            for given in (recipe, preset)
        )
        if (task, size) == ("xnli", "base"):
            theirs = theirs.model_copy(update={"learning_rate": 2e-5})
        assert ours == theirs, task


@pytest.mark.parametrize("value", ["[neobert]", "{a: 1}", "3"])
def test_the_name_of_a_recipe_is_a_text(toy_file: Path, value: str) -> None:
    with pytest.raises(ConfigError, match="expected the name of a recipe"):
        xstilts.load(str(toy_file), [f"recipes={{preset: {value}}}"])


def test_null_is_no_recipe(toy_file: Path) -> None:
    loaded = xstilts.load(str(toy_file), ["recipes={preset: null, target: {epochs: 2}}"])
    assert loaded.experiment.recipes.target.epochs == 2
