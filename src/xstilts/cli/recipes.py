"""`xstilts recipes`: published recipes."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

from xstilts.cli.completion import complete_recipes
from xstilts.cli.options import Json


def recipes(
    name: Annotated[
        Optional[str],  # noqa: UP045 - typer reads the annotation at run time
        typer.Argument(
            help="show values and sources of this recipe", autocompletion=complete_recipes
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """List published recipes of encoder families, which experiments can use by name."""
    from xstilts.cli.output.recipes import show_recipe, show_recipes, show_recipes_json

    if as_json:
        show_recipes_json(name)
    elif name is None:
        show_recipes()
    else:
        show_recipe(name)
