"""Recipe search in a plan: shared trials, choices as inputs, and dev rows alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import xstilts
from xstilts.analysis.recipe_choices import choice_texts, recipe_search_results
from xstilts.config.recipe import Recipe
from xstilts.core.errors import ConfigError
from xstilts.core.stage import Stage
from xstilts.core.store import Store
from xstilts.planning.compile import CompiledPlan, compile_experiment
from xstilts.planning.variants import make_variant
from xstilts.stages.base import CHOOSE_RECIPE
from xstilts.stages.choose_recipe import RECIPE

SEARCH = "search={learning_rate: [0.001, 0.003]}"
BOTH = "search={learning_rate: [0.001, 0.003], intermediate: true}"
PER_SETTING = "search={learning_rate: [0.001, 0.003], per_setting: true}"


def compiled(toy_file: Path, *changes: str) -> CompiledPlan:
    base = ["seeds=[0]", "intermediate=[none, toy-same]", "targets=[toy-kind, toy-search]"]
    return compile_experiment(xstilts.load(str(toy_file), [*base, *changes]))


def choices(plan: CompiledPlan) -> list[Stage]:
    return [stage for stage in plan.plan.stages if stage.kind == CHOOSE_RECIPE]


def final_trainings(plan: CompiledPlan) -> dict[str, Stage]:
    """Setting → the last training of the target."""
    return {
        cell.intermediate: plan.plan.by_key[cell.trained_by[-1]]
        for cell in plan.cells
        if cell.target == "toy-kind"
    }


def test_a_trial_is_the_ordinary_training_of_its_recipe_and_seed(toy_file: Path) -> None:
    (choice,) = choices(compiled(toy_file, SEARCH))
    ordinary = compiled(
        toy_file, "seeds=[100]", "intermediate=[none]", "recipes.target.learning_rate=0.001"
    )
    assert choice.inputs["trial:0:100"] == final_trainings(ordinary)["none"].key
    assert len(choice.inputs) == 2


def test_all_settings_share_the_choice_made_on_the_baseline(toy_file: Path) -> None:
    plan = compiled(toy_file, SEARCH)
    (choice,) = choices(plan)
    trained = final_trainings(plan)
    assert {stage.inputs[RECIPE] for stage in trained.values()} == {choice.key}
    assert all("learning_rate" not in stage.params["recipe"] for stage in trained.values())
    for key in choice.inputs.values():
        assert "base" not in plan.plan.by_key[key].inputs


def test_a_search_per_setting_starts_from_each_setting(toy_file: Path) -> None:
    plan = compiled(toy_file, PER_SETTING)
    trained = final_trainings(plan)
    assert trained["none"].inputs[RECIPE] != trained["toy-same"].inputs[RECIPE]
    after = plan.plan.by_key[trained["toy-same"].inputs[RECIPE]]
    bases = {plan.plan.by_key[key].inputs["base"] for key in after.inputs.values()}
    assert bases == {trained["toy-same"].inputs["base"]}


@pytest.mark.parametrize(("search", "count"), [(SEARCH, 1), (BOTH, 2)])
def test_intermediate_recipes_are_searched_on_request(
    toy_file: Path, search: str, count: int
) -> None:
    plan = compiled(toy_file, search)
    base = plan.plan.by_key[final_trainings(plan)["toy-same"].inputs["base"]]
    assert len(choices(plan)) == count
    assert (RECIPE in base.inputs) == (search == BOTH)


@pytest.mark.parametrize("search", [SEARCH, BOTH, PER_SETTING])
def test_no_trial_and_no_choice_reads_test_rows(toy_file: Path, search: str) -> None:
    plan = compiled(toy_file, search).plan
    pending = [stage.key for stage in plan.stages if stage.kind == CHOOSE_RECIPE]
    read = set[str]()
    while pending:
        key = pending.pop()
        read.add(key)
        pending += plan.by_key[key].inputs.values()
    splits = {plan.by_key[key].params.get("split") for key in read}
    languages = {plan.by_key[key].params.get("language") for key in read}
    assert splits == {"train", "dev", None}
    assert languages == {"en", None}


def test_without_a_search_every_key_is_unchanged(toy_file: Path) -> None:
    plan = compiled(toy_file)
    assert not choices(plan)
    assert all(RECIPE not in stage.inputs for stage in plan.plan.stages)
    recipe = final_trainings(plan)["none"].params["recipe"]
    assert recipe["learning_rate"] == 0.003


def test_seeds_and_values_multiply_the_trials(toy_file: Path) -> None:
    search = "search={learning_rate: [0.001, 0.003], epochs: [1, 2, 3], seeds: [5, 6]}"
    (choice,) = choices(compiled(toy_file, search))
    assert len(set(choice.inputs.values())) == 12
    assert choice.params["seeds"] == [5, 6]


def test_the_cost_of_a_final_training_is_that_of_the_costliest_trial(toy_file: Path) -> None:
    plan = compiled(toy_file, "search={epochs: [1, 9, 2]}")
    cost = final_trainings(plan)["none"].cost.seconds
    (choice,) = choices(plan)
    costs = [plan.plan.by_key[key].cost.seconds for key in choice.inputs.values()]
    assert cost == max(costs) > min(costs)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        (["search={learning_rate: [1, 2], targets: [toy-knd]}"], "toy-kind"),
        (["search={learning_rate: [1, 2], targets: [toy-search]}"], "not trained"),
        (["targets=[toy-search]", SEARCH], "no target is trained"),
        (["eval_split=dev", "tasks.toy-search.splits={dev: [en, xx]}", SEARCH], "same examples"),
        (["splits={toy-kind: {test: dev}}", SEARCH], "same examples"),
    ],
)
def test_a_search_that_cannot_be_run_honestly_is_refused(
    toy_file: Path, changes: list[str], problem: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        compiled(toy_file, *changes)
    assert problem in str(caught.value)


def test_few_shot_training_uses_the_choice_but_for_values_of_its_own(toy_file: Path) -> None:
    plan = compiled(
        toy_file,
        "search={learning_rate: [0.001, 0.003], epochs: [1, 2]}",
        'few_shot={examples: [2], split: "test[:50%]"}',
        'splits={toy-kind: {test: "test[50%:]"}}',
    ).plan
    few = next(stage for stage in plan.stages if stage.params.get("heads") == "base")
    choice = plan.by_key[few.inputs[RECIPE]]
    assert choice.kind == CHOOSE_RECIPE
    assert "learning_rate" not in few.params["recipe"]
    assert few.params["recipe"]["epochs"] == 10
    chosen = {"learning_rate": 0.001, "epochs": 2.0}
    recipe = Recipe.from_key_params(few.params["recipe"], chosen)
    assert (recipe.learning_rate, recipe.epochs) == (0.001, 10)


def test_a_variant_keeps_what_its_targets_search(toy_file: Path) -> None:
    loaded = xstilts.load(
        str(toy_file), ["search={learning_rate: [0.001, 0.003], targets: [toy-kind, toy-tags]}"]
    )

    def variant(*targets: str) -> Any:
        return make_variant(loaded, targets, ["none"], {}).experiment.search

    assert variant("toy-kind", "toy-search").targets == ("toy-kind",)
    assert variant("toy-search") is None
    assert len(variant("toy-tags").trials()) == 2


def test_each_encoder_has_a_search_of_its_own(toy_file: Path) -> None:
    second = "{name: ./encoder, label: b, recipe: {batch_size: 16}}"
    encoders = f"encoders=[{{name: ./encoder, label: a}}, {second}]"
    plan = compiled(toy_file, encoders, SEARCH)
    used = {
        cell.encoder: plan.plan.by_key[cell.trained_by[-1]].inputs[RECIPE]
        for cell in plan.cells
        if cell.target == "toy-kind"
    }
    assert len(set(used.values())) == 2
    batches = {
        encoder: {
            plan.plan.by_key[key].params["recipe"]["batch_size"]
            for key in plan.plan.by_key[choice].inputs.values()
        }
        for encoder, choice in used.items()
    }
    assert batches == {"a": {8}, "b": {16}}
    (first, second) = choice_texts(recipe_search_results(plan, Store(toy_file.parent / "none")))
    assert "[a]" in first
    assert "[b]" in second


@pytest.mark.parametrize(
    ("search", "recipe"),
    [
        ("{warmup_ratio: [0.1, 0.9]}", "warmup_steps=5"),
        ("{num_evals: [5, 10]}", "eval_steps=3"),
    ],
)
def test_a_field_that_another_one_replaces_is_not_searched(
    toy_file: Path, search: str, recipe: str
) -> None:
    with pytest.raises(ConfigError, match="has no effect where"):
        compiled(toy_file, f"search={search}", f"recipes.target.{recipe}")
    assert choices(compiled(toy_file, f"search={search}"))
