"""Former names of experiment keys: they still load, with a logged note."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import Any

from xstilts.config.evaluation import FEW_SHOT
from xstilts.config.experiment import Experiment
from xstilts.config.recipe import OLD_RECIPE_KEYS
from xstilts.config.yaml_tree import OVERRIDE, Lines, Location, location_of
from xstilts.core.errors import ConfigError

logger = logging.getLogger(__name__)

OLD_EXPERIMENT_KEYS = {
    field.serialization_alias: name
    for name, field in Experiment.model_fields.items()
    if field.serialization_alias
}
SECTIONS = ("recipes", "encoder", "encoders", FEW_SHOT)
"""Sections of an experiment with recipes."""


def rename_old_keys(tree: dict[str, Any], lines: Lines) -> None:
    """Replace former key names in the tree of an experiment and in its lines, in place.

    Raises:
        ConfigError: a key is given by both its former and its current name.
    """
    notes = dict[str, str]()  # a mapping that YAML aliases share is noted once
    for path, mapping, new_names in list(_renamed_mappings(tree)):
        for old in [key for key in mapping if key in new_names]:
            new, where = new_names[old], location_of((*path, old), lines)
            if new in mapping:
                raise ConfigError(
                    f"{'.'.join((*path, new))} is given twice, as {old!r} and as {new!r}",
                    where=where,
                    todo=f"keep {new!r}: {old!r} is its former name",
                )
            mapping[new] = mapping.pop(old)
            _rename_in(lines, (*path, old), (*path, new))
            notes.setdefault(f"{where} {old}", f"{where}: {'.'.join((*path, old))} is now {new}")
    for note in notes.values():
        logger.warning(note)


def with_current_names(config: Mapping[str, Any]) -> dict[str, Any]:
    """An experiment as a record has it, with the current names of its keys."""
    named = {OLD_EXPERIMENT_KEYS.get(key, key): value for key, value in config.items()}
    return {
        key: _with_recipe_names(value) if key in SECTIONS else value for key, value in named.items()
    }


def _with_recipe_names(value: Any) -> Any:
    if isinstance(value, list):
        return [_with_recipe_names(one) for one in value]
    if not isinstance(value, Mapping):
        return value
    return {
        OLD_RECIPE_KEYS.get(key, key): {
            task: _with_recipe_names(changes) for task, changes in part.items()
        }
        if key == "tasks"
        else _with_recipe_names(part)
        for key, part in value.items()
    }


def rename_in_override(path: tuple[str, ...], value: Any) -> tuple[tuple[str, ...], Any]:
    """The path and value of a `--set a.b=value` with current key names."""
    tree: Any = value
    for key in reversed(path):
        tree = {key: tree}
    rename_old_keys(tree, {path: OVERRIDE})
    current = []
    for _ in path:
        ((key, tree),) = tree.items()
        current.append(key)
    return tuple(current), tree


def _renamed_mappings(
    tree: dict[str, Any],
) -> Iterator[tuple[tuple[str, ...], dict[str, Any], Mapping[str, str]]]:
    """Every mapping that can have former key names: its path, itself, old → new names."""
    yield (), tree, OLD_EXPERIMENT_KEYS
    recipes = tree.get("recipes")
    if not isinstance(recipes, dict):
        return
    candidates: dict[tuple[str, ...], Any] = {
        ("recipes", phase): recipes.get(phase) for phase in ("intermediate", "target")
    }
    if isinstance(tasks := recipes.get("tasks"), dict):
        candidates |= {("recipes", "tasks", str(task)): tasks[task] for task in tasks}
    for path, recipe in candidates.items():
        if isinstance(recipe, dict):
            yield path, recipe, OLD_RECIPE_KEYS


def _rename_in(lines: Lines, old: Location, new: Location) -> None:
    for path in [path for path in lines if path[: len(old)] == old]:
        lines[*new, *path[len(old) :]] = lines.pop(path)
