"""Output of `xstilts recipes`: all published recipes, or the values and sources of one."""

from __future__ import annotations

from collections.abc import Mapping

import yaml

from xstilts.cli.output.console import console, print_text
from xstilts.cli.output.json_output import print_json
from xstilts.cli.output.tables import FoldingTable, name, show_table, text
from xstilts.config.named_recipes import named_recipe, named_recipe_files


def show_recipes() -> None:
    """All published recipes, one per row."""
    out = console()
    listed = map(named_recipe, named_recipe_files())
    rows = [(recipe.name, recipe.summary, ", ".join(recipe.search)) for recipe in listed]
    show_table(out, FoldingTable((name("recipe"), text("what it is"), text("searches", 1)), rows))
    print_text(out, "use one:   recipes: {preset: NAME}   and   search: {preset: NAME}")
    print_text(out, "values and sources:   xstilts recipes NAME")


def show_recipes_json(recipe_name: str | None) -> None:
    """All published recipes, or one, as JSON.

    Raises:
        UnknownNameError: no such recipe.
    """
    if recipe_name is None:
        print_json(list(map(named_recipe, named_recipe_files())))
    else:
        print_json(named_recipe(recipe_name))


def show_recipe(recipe_name: str) -> None:
    """The values, sources and differences of one recipe.

    Raises:
        UnknownNameError: no such recipe.
    """
    recipe, out = named_recipe(recipe_name), console()
    print_text(out, recipe_name, style="bold")
    for label, words in (
        ("summary", recipe.summary),
        *(("source", source) for source in recipe.sources),
        ("ours", recipe.ours),
    ):
        print_text(out, words, bullet=f"{label:7}")
    values = {"recipes": recipe.recipes, **({"search": recipe.search} if recipe.search else {})}
    print_text(out, "\n" + _as_yaml(values))


def _as_yaml(values: Mapping[str, object]) -> str:
    class Plain(yaml.SafeDumper):
        def ignore_aliases(self, data: object) -> bool:
            return True

    return yaml.dump(values, Dumper=Plain, sort_keys=False, default_flow_style=None, width=78)
