"""The experiment of a record, in which every key has a value, and null where none was given.

Of changes of a recipe, `EMPTY` stands for a null that was given.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from xstilts.config.encoder_choice import ENCODER, ENCODERS
from xstilts.config.evaluation import FEW_SHOT
from xstilts.config.experiment import Experiment
from xstilts.config.named_recipes import TASKS
from xstilts.config.recipe import EMPTY, Recipe
from xstilts.config.renamed_keys import with_current_names

RECORDED_IF_GIVEN = {name for name, field in Recipe.model_fields.items() if field.exclude_if}
"""Keys of a recipe whose null in a record was given, and replaces the recipe's value."""


def recorded_experiment(config: Mapping[str, Any]) -> Experiment:
    """The experiment, with today's defaults of keys that did not exist then.

    Raises:
        ValueError: it has a key or value that no longer exists.
    """
    tree = with_current_names(config)
    for name in {ENCODER, ENCODERS, FEW_SHOT}.intersection(tree):
        tree[name] = _without_nulls(tree[name])
    if recipes := tree.get("recipes"):
        tree["recipes"] = recipes | {TASKS: _without_nulls(recipes.get(TASKS, {}))}
    return Experiment.model_validate(tree)


def _without_nulls(value: Any) -> Any:
    """Changes of a recipe as they were given: a record has null for nearly every other key."""
    if isinstance(value, list):
        return [_without_nulls(one) for one in value]
    if not isinstance(value, Mapping):
        return value
    return {
        key: None if one == EMPTY and key in Recipe.model_fields else _without_nulls(one)
        for key, one in value.items()
        if one is not None or key in RECORDED_IF_GIVEN
    }
