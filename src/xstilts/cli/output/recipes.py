"""Output of `xstilts recipes`: all published recipes, or the values and sources of one."""

from __future__ import annotations

from collections.abc import Mapping

import yaml
from rich import box
from rich.table import Table

from xstilts.cli.output.console import console, print_text
from xstilts.config.named_recipes import named_recipe, named_recipe_files


def show_recipes() -> None:
    """All published recipes, one per row."""
    out = console()
    table = Table("recipe", "what it is", "searches", box=box.SIMPLE, pad_edge=False)
    for name in named_recipe_files():
        recipe = named_recipe(name)
        table.add_row(name, recipe.summary, ", ".join(recipe.search))
    out.print(table)
    print_text(out, "use one:   recipes: {preset: NAME}   and   search: {preset: NAME}")
    print_text(out, "values and sources:   xstilts recipes NAME")


def show_recipe(name: str) -> None:
    """The values, sources and differences of one recipe.

    Raises:
        UnknownNameError: no such recipe.
    """
    recipe, out = named_recipe(name), console()
    out.print(name, style="bold", highlight=False)
    for label, text in (
        ("summary", recipe.summary),
        *(("source", source) for source in recipe.sources),
        ("ours", recipe.ours),
    ):
        print_text(out, f"{label}: {text}")
    values = {"recipes": recipe.recipes, **({"search": recipe.search} if recipe.search else {})}
    print_text(out, "\n" + _as_yaml(values))


def _as_yaml(values: Mapping[str, object]) -> str:
    class Plain(yaml.SafeDumper):
        def ignore_aliases(self, data: object) -> bool:
            return True

    return yaml.dump(values, Dumper=Plain, sort_keys=False, default_flow_style=None, width=78)
