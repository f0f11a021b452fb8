"""Published recipes of encoder families by name, each with its sources.

`recipes: {preset: NAME}` and `search: {preset: NAME}` stand for the values of that recipe, which
the other keys of the mapping change. They replace the recipes and the search of a file that is
extended: parts of two protocols are no protocol. The `recipe` of an encoder takes the values for
targets and those for single tasks.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from xstilts.config.encoder_choice import ENCODER, ENCODERS
from xstilts.config.merge import merge
from xstilts.config.yaml_tree import Lines, Location, location_of, parse, read
from xstilts.core.errors import ConfigError, UnknownNameError

PRESET = "preset"
RECIPES, SEARCH, RECIPE, TASKS = "recipes", "search", "recipe", "tasks"


@dataclass(frozen=True)
class NamedRecipe:
    """A published recipe.

    Args:
        sources: where the values come from: repository, commit, path.
        ours: which values do not come from there, and what differs.
        recipes: as the section of an experiment; `tasks` has values of single targets.
        search: the values that the source searches; empty if it has none.
    """

    name: str
    summary: str
    sources: tuple[str, ...]
    ours: str
    recipes: Mapping[str, Any]
    search: Mapping[str, Any]


def named_recipe_files() -> dict[str, Path]:
    """Name of a recipe → its YAML file."""
    folder = Path(str(resources.files("xstilts.config") / "recipes"))
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def named_recipe(name: object, where: str = "") -> NamedRecipe:
    """The published recipe of a name.

    Raises:
        UnknownNameError: there is none.
        ConfigError: the name is no text.
    """
    files = named_recipe_files()
    if not isinstance(name, str):
        raise ConfigError(
            f"expected the name of a recipe, not {name!r}",
            where=where,
            todo=f"write one of {', '.join(files)}",
        )
    if name not in files:
        raise UnknownNameError("recipe", str(name), files, where=where)
    path = files[str(name)]
    tree, _ = parse(read(path), str(path), "a recipe")
    return NamedRecipe(
        str(name),
        tree["summary"],
        tuple(tree["sources"]),
        " ".join(tree["ours"].split()),
        tree[RECIPES],
        tree.get(SEARCH, {}),
    )


def expand_presets(tree: dict[str, Any], lines: Lines) -> list[Location]:
    """Replace every `preset` in a tree by the values of that recipe, in place; return their paths.

    Raises:
        UnknownNameError: no such recipe.
        ConfigError: a search by a recipe whose source searches nothing.
    """
    expanded = []
    for path, parent in list(_sections(tree)):
        section = parent[path[-1]]
        if isinstance(section, dict) and PRESET in section:
            where = location_of((*path, PRESET), lines)
            given = {key: value for key, value in section.items() if key != PRESET}
            if section[PRESET] is None:
                parent[path[-1]] = given
                continue
            values = _values(named_recipe(section[PRESET], where), path[-1], where)
            if path[-1] == RECIPE:
                values = values | {TASKS: _without(values.get(TASKS, {}), given)}
            parent[path[-1]] = merge(values, given)
            expanded.append(path)
    return expanded


def remove_sections(tree: dict[str, Any], lines: Lines, paths: Iterable[Location]) -> None:
    """Remove the inherited sections that a published recipe replaces, and their lines; in place."""
    for path in paths:
        parent: Any = tree
        for part in path[:-1]:
            parent = parent.get(part) if isinstance(parent, dict) else None
        if isinstance(parent, dict):
            parent.pop(path[-1], None)
        for location in [location for location in lines if location[: len(path)] == path]:
            del lines[location]


def drop_unused_tasks(tree: dict[str, Any], lines: Lines) -> None:
    """Remove the recipes of targets that only a published recipe names, in place."""
    targets = tree.get("targets")
    if not isinstance(targets, list):
        return
    for path, parent in list(_sections(tree)):
        recipes = parent[path[-1]]
        tasks = recipes.get(TASKS) if isinstance(recipes, dict) else None
        if path != (SEARCH,) and isinstance(tasks, dict):
            names, depth = (*path, TASKS), len(path) + 1
            written = {one[depth] for one in lines if one[:depth] == names and len(one) > depth}
            kept = {name: tasks[name] for name in tasks if name in targets or name in written}
            parent[path[-1]] = {**recipes, TASKS: kept}


def override_task_values(recipe: dict[str, Any], key: str, lines: Lines) -> None:
    """Remove a value from the tasks that only a published recipe of `encoder` names, in place."""
    tasks = recipe.get(TASKS)
    if isinstance(tasks, dict):
        recipe[TASKS] = {
            name: values
            if not isinstance(values, dict) or (ENCODER, RECIPE, TASKS, name, key) in lines
            else _without({name: values}, [key])[name]
            for name, values in tasks.items()
        }


def _without(tasks: Mapping[str, Any], keys: Container[str]) -> dict[str, Any]:
    """The values of tasks but those of some keys."""
    return {
        name: {key: value for key, value in values.items() if key not in keys}
        for name, values in tasks.items()
    }


def _sections(tree: dict[str, Any]) -> Iterator[tuple[Location, Any]]:
    """The mappings that may have a preset: their path, and the mapping or list they are in."""
    for name in (RECIPES, SEARCH):
        if name in tree:
            yield (name,), tree
    encoders: dict[Location, Any] = {(ENCODER,): tree.get(ENCODER)}
    if isinstance(entries := tree.get(ENCODERS), list):
        encoders |= {(ENCODERS, index): entry for index, entry in enumerate(entries)}
    for path, encoder in encoders.items():
        if isinstance(encoder, dict) and RECIPE in encoder:
            yield (*path, RECIPE), encoder


def _values(recipe: NamedRecipe, section: str | int, where: str) -> dict[str, Any]:
    if section == RECIPES:
        return dict(recipe.recipes)
    if section == SEARCH:
        if not recipe.search:
            raise ConfigError(
                f"the source of {recipe.name} gives no values to search",
                where=where,
                todo=f"list values, or use the search of {', '.join(searching_recipes())}",
            )
        return dict(recipe.search)
    return {**recipe.recipes["target"], TASKS: recipe.recipes.get(TASKS, {})}


def searching_recipes() -> list[str]:
    """Names of the recipes whose source searches values."""
    return [name for name in named_recipe_files() if named_recipe(name).search]
