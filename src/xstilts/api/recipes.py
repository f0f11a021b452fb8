"""The published recipes that experiments can use by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xstilts.config.named_recipes import NamedRecipe, named_recipe, named_recipe_files

if TYPE_CHECKING:
    import pandas as pd

SHOWN = ("learning_rate", "batch_size", "epochs", "max_steps", "patience")


def recipes(name: str | None = None) -> pd.DataFrame:
    """One row per published recipe.

    Columns: recipe, summary, learning_rate, batch_size, epochs, max_steps and patience of targets
    (None where the source gives none), search (whether it has values to search), sources.

    Args:
        name: of one recipe; by default all.

    Raises:
        UnknownNameError: no such recipe.
    """
    import pandas as pd

    names = named_recipe_files() if name is None else [name]
    return pd.DataFrame([_row(named_recipe(one)) for one in names])


def _row(recipe: NamedRecipe) -> dict[str, object]:
    target = recipe.recipes["target"]
    return {
        "recipe": recipe.name,
        "summary": recipe.summary,
        **{field: target.get(field) for field in SHOWN},
        "search": bool(recipe.search),
        "sources": "; ".join(recipe.sources),
    }
