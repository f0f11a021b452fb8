"""The rule for texts of predicted answers, from a recipe to the parameter of predict stages."""

from __future__ import annotations

from xstilts.config.recipe import Recipe
from xstilts.formats.answer_text import ANSWER_TEXT
from xstilts.formats.spec import FormatSpec


def answer_text_params(recipe: Recipe, spec: FormatSpec, language: str) -> dict[str, str]:
    """The parameter `answer_text`: "words" or "decoded"; none for the default rule.

    jiant's rule is XTREME's except in Chinese (`skip_get_final_text`). Default parameters stay as
    they were, so that keys do not change.
    """
    if spec.training is None or spec.training.answer_text is None:
        return {}
    if recipe.answer_text == "subwords":
        return {}
    decoded = recipe.answer_text == "jiant" and language == "zh"
    return {ANSWER_TEXT: "decoded" if decoded else "words"}
