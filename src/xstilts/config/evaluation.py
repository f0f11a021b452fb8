"""Evaluations beside zero-shot: few examples of the target language, and translated test sets."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, PositiveInt, field_validator, model_validator

from xstilts.config.base import ConfigModel, explained, refusal, refuse_repeats
from xstilts.config.recipe import RecipeChanges, refuse_empty_values
from xstilts.config.split_slices import parse_split_slice

AUTO = "auto"
FEW_SHOT = "few_shot"


class FewShotConfig(ConfigModel):
    """Further training of each target's model on a few examples of the target language.

    Every seed draws its own examples; a smaller draw of a seed is part of its larger ones. The
    last checkpoint is used: choosing one would take more examples of the language.
    """

    examples: Annotated[tuple[PositiveInt, ...], Field(min_length=1)] = Field(
        description="numbers of examples k; zero-shot is always evaluated beside them",
        examples=[[5, 10, 50]],
    )
    split: str = Field(
        AUTO,
        description="split or slice of a split to draw from, such as dev or test[:50%]; "
        "auto: train if the task has it in the language, else dev",
    )
    targets: Annotated[tuple[str, ...], Field(min_length=1)] | None = Field(
        None, description="targets to evaluate in this way; empty: all that are trained"
    )
    recipe: RecipeChanges = Field(
        RecipeChanges(),
        description="values that replace those of the target's recipe; by default 10 epochs "
        "without warm-up",
    )

    @field_validator("examples", mode="before")
    @classmethod
    def _above_zero(cls, value: object) -> object:
        if isinstance(value, list | tuple) and 0 in value:
            raise refusal("zero-shot is always evaluated", "leave out the 0")
        return value

    @field_validator("split")
    @classmethod
    def _slice(cls, value: str) -> str:
        if value == AUTO:
            return value
        with explained():
            return parse_split_slice(value).name

    @field_validator("examples", "targets")
    @classmethod
    def _each_once(cls, value: tuple[object, ...] | None) -> tuple[object, ...] | None:
        refuse_repeats(value or ())
        return value

    @model_validator(mode="after")
    def _no_choice_of_checkpoints(self) -> FewShotConfig:
        refuse_empty_values(self.recipe, "recipe.")
        changes = self.recipe.model_dump(exclude_unset=True)
        if changes.get("checkpoint") == "best" or changes.get("patience") is not None:
            raise refusal(
                "few-shot training has no dev set to choose a checkpoint by",
                "leave out checkpoint and patience: the last checkpoint is used",
                "recipe",
            )
        return self


TranslateTest = Literal["all"] | Annotated[tuple[str, ...], Field(min_length=1)]
"""Targets whose test sets are translated, or all for which that is possible."""
