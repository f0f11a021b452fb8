"""Which combinations a search tries, and what it refuses with file and line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import xstilts
from xstilts.config.recipe import Recipe
from xstilts.config.recipe_search import (
    OF_MODELS,
    READ_BY_PREDICTIONS,
    SEARCHABLE,
    WITHOUT_EFFECT,
    RecipeSearch,
)
from xstilts.core.errors import ConfigError
from xstilts.formats import FORMATS

RATES = [1e-5, 3e-5, 1e-4]


def search(**values: Any) -> Any:
    return RecipeSearch.model_validate(values)


def test_a_grid_tries_every_combination_and_the_last_field_varies_fastest() -> None:
    trials = search(batch_size=[16, 32], learning_rate=[3e-5, 1e-5]).trials()
    assert trials == (
        {"learning_rate": 3e-5, "batch_size": 16},
        {"learning_rate": 3e-5, "batch_size": 32},
        {"learning_rate": 1e-5, "batch_size": 16},
        {"learning_rate": 1e-5, "batch_size": 32},
    )


def test_random_combinations_are_different_and_a_larger_budget_adds_to_them() -> None:
    values = {"learning_rate": RATES, "batch_size": [8, 16, 32], "method": "random"}
    few, more = (search(**values, budget=budget).trials() for budget in (4, 9))
    assert more[:4] == few
    assert len({tuple(trial.items()) for trial in more}) == 9


def test_a_logarithmic_range_gives_every_decade_the_same_chance() -> None:
    trials = search(
        learning_rate={"min": 1e-6, "max": 1e-2, "log": True}, method="random", budget=400
    ).trials()
    rates = [trial["learning_rate"] for trial in trials]
    assert all(1e-6 <= rate <= 1e-2 for rate in rates)
    assert 140 < sum(rate < 1e-4 for rate in rates) < 260  # a linear range: 4


def test_a_range_of_whole_numbers_gives_whole_numbers_within_it() -> None:
    trials = search(batch_size={"min": 4, "max": 6}, method="random", budget=3).trials()
    assert sorted(trial["batch_size"] for trial in trials) == [4, 5, 6]


def test_search_seeds_are_not_reported_seeds_unless_they_are_given() -> None:
    assert search(learning_rate=RATES).search_seeds((0, 1)) == (100,)
    assert search(learning_rate=RATES).search_seeds((100, 101)) == (102,)
    assert search(learning_rate=RATES, seeds=[0, 7]).search_seeds((0, 1)) == (0, 7)


def test_every_field_that_changes_training_alone_can_be_searched() -> None:
    read = {name for kind in FORMATS for name in FORMATS.get(kind).tokenization_fields}
    former = {field.serialization_alias: name for name, field in Recipe.model_fields.items()}
    assert {former.get(name, name) for name in read} <= set(READ_BY_PREDICTIONS)
    others = {*READ_BY_PREDICTIONS, *WITHOUT_EFFECT, *OF_MODELS}
    assert set(SEARCHABLE) == Recipe.model_fields.keys() - others


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ("learning_rat: [1.0e-5, 3.0e-5]", "learning_rate"),
        ("learning_rate: []", "entry"),
        ("learning_rate: 1.0e-5", "list"),
        ("learning_rate: [1.0e-5, 1.0e-5]", "twice"),
        ("learning_rate: [0, 1.0e-5]", "greater than 0"),
        ("learning_rate: [1.0e-5]", "one combination"),
        ("batch_size: [16, 1.5]", "whole number"),
        ("checkpoint: [best, first]", "'last'"),
        ("max_length: [64, 128]", "predictions"),
        ("gradient_checkpointing: [true, false]", "no effect"),
        ("nan_retry: [fp32, none]", "no effect"),
        ("temperature: [1, 2]", "no effect on a target"),
        ("lora: [{rank: 4}, {rank: 8}]", "encoders"),
        ("method: grid", "no field"),
        ("{learning_rate: [1, 2], budget: 1}", "2 combinations"),
        ("{learning_rate: [1, 2], method: random}", "budget"),
        ("{learning_rate: [1, 2], method: random, budget: 3}", "only 2"),
        ("{learning_rate: [1, 2], seeds: [5, 5]}", "twice"),
        ("{learning_rate: [1, 2], targets: []}", "neither"),
        ("learning_rate: {min: 1.0e-5, max: 1.0e-4}", "range"),
        ("{learning_rate: {min: -1, max: 1}, method: random, budget: 2}", "greater than 0"),
        ("{weight_decay: {min: 0, max: 1, log: true}, method: random, budget: 2}", "above 0"),
        ("{learning_rate: {min: 2, max: 1}, method: random, budget: 2}", "not below"),
        ("{batch_size: {min: 1, max: 2.5}, method: random, budget: 2}", "integer"),
    ],
)
def test_a_search_that_cannot_be_meant_is_refused_with_its_line(
    tmp_path: Path, values: str, problem: str
) -> None:
    path = tmp_path / "mine.yaml"
    value = values if values.startswith("{") else f"{{{values}}}"
    path.write_text(f"extends: home\nname: mine\nsearch: {value}\n")
    with pytest.raises(ConfigError, match="search") as caught:
        xstilts.load(str(path))
    assert problem in str(caught.value)
    assert "mine.yaml:3" in str(caught.value)
