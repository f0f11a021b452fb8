"""`xstilts recipes`: published recipes."""

from __future__ import annotations

from typing import Annotated, Optional

import typer


def recipes(
    name: Annotated[
        Optional[str],  # noqa: UP045 - typer reads the annotation at run time
        typer.Argument(help="show values and sources of this recipe"),
    ] = None,
) -> None:
    """List published recipes of encoder families, which experiments can use by name."""
    from xstilts.cli.output.recipes import show_recipe, show_recipes

    if name is None:
        show_recipes()
    else:
        show_recipe(name)
