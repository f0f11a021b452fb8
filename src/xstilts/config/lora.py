"""Low-rank adapters (LoRA), trained in place of the encoder's weights."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, PositiveInt, field_serializer, field_validator

from xstilts.config.base import ConfigModel, Fraction, Positive, refusal, refuse_repeats


class LoraConfig(ConfigModel):
    """Low-rank adapters: W becomes W + alpha / r · B A, and W is not trained.

    Source: Hu et al. (2021), with the defaults of peft except for `alpha`, which is twice `r`.
    """

    r: PositiveInt = Field(8, description="rank of the adapters")
    alpha: Positive = Field(16.0, description="the adapters are multiplied by alpha / r")
    dropout: Fraction = Field(0.0, description="dropout on the input of the adapters")
    target_modules: Literal["auto", "all-linear"] | tuple[str, ...] = Field(
        "auto",
        description="names of the linear layers that get adapters; auto: peft's choice for the "
        "model type, or all-linear; all-linear: every linear layer of the blocks",
    )

    @field_validator("target_modules")
    @classmethod
    def _names(cls, value: str | tuple[str, ...]) -> str | tuple[str, ...]:
        if isinstance(value, tuple):
            refuse_repeats(value)
            if not value or not all(map(str.strip, value)):
                raise refusal(
                    "no name of a linear layer",
                    "use auto, all-linear or a list such as [query, key, value]",
                )
        return value

    @field_serializer("target_modules")
    def _as_json(self, value: str | tuple[str, ...]) -> str | list[str]:
        return value if isinstance(value, str) else list(value)

    @field_validator("dropout")
    @classmethod
    def _keeps_some(cls, value: float) -> float:
        if value >= 1:
            raise refusal("a dropout of 1 leaves the adapters no input", "use a value below 1")
        return value
