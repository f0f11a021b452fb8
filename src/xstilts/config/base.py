"""Base class and bounded number types of all configuration models."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
)
from pydantic_core import PydanticCustomError

from xstilts.config.yaml_tree import LeadingZero
from xstilts.core.errors import ConfigError, XstiltsError

Fraction = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
NO_VALUE = ("none", "never", "null")
"""Texts that leave an optional number empty, as the documentation prints its default."""
MAX_NAME = 255
"""Bytes of a file name."""
LARGEST_INTEGER = 2**63 - 1
REFUSED = "refused"
"""Type of the validation errors whose message is complete."""
MISSING = "missing"
"""Type of the validation errors of missing keys, pydantic's own."""


def refusal(what: str, todo: str | None = None, key: str | None = None) -> PydanticCustomError:
    """A validation error with a message of its own, about the value or one of its keys."""
    return PydanticCustomError(REFUSED, "{what}", {"what": what, "todo": todo, "key": key})


def refusal_of(error: XstiltsError) -> PydanticCustomError:
    """The validation error with the message of another error."""
    return refusal(error.what, error.todo)


def missing_key(key: str, todo: str) -> PydanticCustomError:
    """A validation error like that of a required key, for a key whose default is no value."""
    return PydanticCustomError(MISSING, "{key}", {"key": key, "todo": todo})


@contextmanager
def explained() -> Iterator[None]:
    """Turn the error of a parser of names into a validation error, which has file and line."""
    try:
        yield
    except ConfigError as error:
        raise refusal_of(error) from None


def refuse_repeats(values: Iterable[object]) -> None:
    """Refuse a list that names an entry twice."""
    listed = list(values)
    repeated = sorted({str(item) for item in listed if listed.count(item) > 1})
    if repeated:
        raise refusal(f"named twice: {', '.join(repeated)}")


class ConfigModel(BaseModel):
    """A frozen model that rejects unknown keys, truth values for numbers, infinity and NaN."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _numbers(cls, value: object, info: ValidationInfo) -> object:
        kinds = kinds_of(cls, info.field_name or "")
        if str in kinds or bool in kinds or Any in kinds:
            return value
        if type(None) in kinds and isinstance(value, str) and value.lower() in NO_VALUE:
            return None
        if kinds.isdisjoint((int, float)):
            return value
        expected = "a number" if float in kinds else "a whole number"
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, bool):
                raise refusal(f"expected {expected}, not {str(item).lower()}")
            if isinstance(item, int) and abs(item) > LARGEST_INTEGER:
                raise refusal(f"{item} is too large")
            if isinstance(item, LeadingZero):
                raise refusal(
                    f"{item} can be read as octal or as decimal",
                    f"write {expected} without a leading zero",
                )
        return value


def _checked_path(value: str) -> str:
    try:
        Path(value).expanduser()
    except RuntimeError:
        raise refusal(f"there is no user {value.partition('/')[0]}") from None
    if "\0" in value or any(len(part.encode()) > MAX_NAME for part in value.split("/")):
        raise refusal("not a path: a name in it is too long or has a NUL character")
    return value


PathText = Annotated[str, AfterValidator(_checked_path)]
"""A path, or a name that may be one."""


@cache
def kinds_of(model: type[BaseModel] | None, name: str) -> frozenset[Any]:
    """The types of values that a field of a model accepts; Any if there is no such field."""
    field = model.model_fields.get(name) if model else None
    return frozenset(_kinds(field.annotation)) if field else frozenset({Any})


def _kinds(annotation: Any) -> Iterator[Any]:
    """The types of values that an annotation accepts, at any depth; literals have none."""
    if get_origin(annotation) is Literal:
        return
    arguments = get_args(annotation)
    if get_origin(annotation) is Annotated:
        arguments = arguments[:1]
    if not arguments:
        yield annotation
    for argument in arguments:
        yield from _kinds(argument)
