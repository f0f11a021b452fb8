"""The precision of predictions and vectors, from an experiment to the parameter of their stages."""

from __future__ import annotations

from collections.abc import Collection

from xstilts.config.experiment import RetrievalConfig
from xstilts.config.recipe import PRECISION, Recipe


def precision_params(
    chosen: Recipe | RetrievalConfig, *, searched: Collection[str] = ()
) -> dict[str, str]:
    """The parameter `precision`: "bf16" where the experiment says so; none for the default.

    The default of a recipe, `auto`, and a precision that a search chooses leave predictions in
    fp32, so that keys and numbers of experiments that do not ask for bf16 stay as they were.

    Args:
        searched: fields of the recipe whose values a search chooses.
    """
    if chosen.precision != "bf16" or PRECISION in searched:
        return {}
    return {PRECISION: "bf16"}
