"""Search of recipe values on dev: which values are tried, by which method and with which seeds."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from itertools import count, islice, product
from random import Random
from typing import Annotated, Any, Literal, get_args

from pydantic import (
    Field,
    PositiveInt,
    ValidationError,
    create_model,
    field_validator,
    model_validator,
)

from xstilts.config.base import ConfigModel, refusal, refuse_repeats
from xstilts.config.recipe import NOT_IN_KEY, Recipe, is_none
from xstilts.core.hashing import seed_of

READ_BY_PREDICTIONS = (
    "max_length",
    "doc_stride",
    "max_query_length",
    "retrieval_query_length",
    "n_best",
    "max_answer_length",
    "null_score_diff_threshold",
    "answer_text",
)
"""Fields that predictions and measures read as well, so that they are the same for all trials."""
OF_MIXTURES = ("max_task_size", "temperature", "sampling", "mlm_share", "mask_prob")
"""Fields without an effect on a target, which is trained on one labelled task."""
OF_MODELS = ("lora",)
"""Fields that change which weights are stored and loaded; encoders with recipes compare them."""
WITHOUT_EFFECT = (*NOT_IN_KEY, "compile", "nan_retry")
"""Fields that change no result of a training that is finite."""
NOT_SEARCHABLE = (*WITHOUT_EFFECT, *READ_BY_PREDICTIONS, *OF_MODELS)
SEARCHABLE = tuple(name for name in Recipe.model_fields if name not in NOT_SEARCHABLE)
FIRST_SEED = 100
MAX_COMBINATIONS = 1000
DIGITS = 3
"""Significant digits of values drawn from a range."""
DRAWS = 1000
"""Draws per combination asked for, after which a range counts as exhausted."""

Trial = Mapping[str, Any]
"""Field of the recipe → the value to try."""


class ValueRange(ConfigModel):
    """A range of numbers to draw from, ends included."""

    min: float = Field(description="smallest value")
    max: float = Field(description="largest value")
    log: bool = Field(False, description="draw uniformly on the logarithmic scale")

    @model_validator(mode="after")
    def _ascending(self) -> ValueRange:
        if self.min >= self.max:
            raise refusal(f"min {self.min:g} is not below max {self.max:g}", None, "min")
        if self.log and self.min <= 0:
            raise refusal("a logarithmic range needs a min above 0", None, "min")
        return self

    def check_ends(self, field: str) -> None:
        """Refuse ends that the field of the recipe does not take."""
        for end in ("min", "max"):
            try:
                Recipe.model_validate({field: getattr(self, end)})
            except ValidationError as error:
                reason = error.errors()[0]["msg"]
                raise refusal(f"{end} {getattr(self, end):g}: {reason}", None, field) from None

    def draw(self, random: Random, *, whole: bool) -> float:
        """A value, uniform on its scale: a whole number, or one with `DIGITS` digits."""
        if self.log:
            value = math.exp(random.uniform(math.log(self.min), math.log(self.max)))
        else:
            value = random.uniform(self.min, self.max)
        rounded = round(value) if whole else float(f"{value:.{DIGITS}g}")
        return type(rounded)(min(max(rounded, self.min), self.max))


class SearchOptions(ConfigModel):
    """How recipe values are searched; the fields of a recipe are further keys."""

    method: Literal["grid", "random"] = Field(
        "grid", description="grid: every combination; random: `budget` different ones"
    )
    budget: PositiveInt | None = Field(
        None, description="combinations to try per search; a grid must not have more"
    )
    seeds: Annotated[tuple[int, ...], Field(min_length=1)] | None = Field(
        None,
        description="every combination is trained once per seed, and its dev scores averaged; "
        "empty: one seed that is not among `seeds` of the experiment",
    )
    targets: tuple[str, ...] | Literal["all"] = Field(
        "all", description="targets whose recipe is searched"
    )
    intermediate: bool = Field(
        False, description="also search the recipe of every intermediate mixture, on its own dev"
    )
    per_setting: bool = Field(
        False,
        description="search a target after each intermediate setting; false: once, without "
        "intermediate training",
    )

    @field_validator("*")
    @classmethod
    def _no_repeats(cls, value: object) -> object:
        if isinstance(value, tuple):
            refuse_repeats(value)
        return value

    @model_validator(mode="before")
    @classmethod
    def _searchable(cls, value: Any) -> Any:
        for name in value if isinstance(value, Mapping) else ():
            if name in READ_BY_PREDICTIONS:
                raise refusal(
                    f"{name} is also read by predictions, so it cannot be searched",
                    "set it in `recipes`",
                    name,
                )
            if name in OF_MODELS:
                raise refusal(
                    f"{name} cannot be searched",
                    f"compare entries of `encoders`, each with a `recipe` that sets {name}",
                    name,
                )
            if name in WITHOUT_EFFECT:
                raise refusal(
                    f"{name} has no effect on the result", f"set {name} in `recipes`", name
                )
        return value

    @model_validator(mode="after")
    def _something_to_search(self) -> SearchOptions:
        if not self.searched:
            raise refusal("no field of the recipe to search", "write learning_rate: [1e-5, 3e-5]")
        if self.targets == () and not self.intermediate:
            raise refusal(
                "neither a target nor intermediate training is searched",
                "name targets, or set `intermediate: true`",
                "targets",
            )
        for name, values in self.searched.items():
            if isinstance(values, ValueRange):
                values.check_ends(name)
            if name in OF_MIXTURES and self.targets != ():
                raise refusal(
                    f"{name} has no effect on a target, which is trained on one task",
                    "set `targets: []` and `intermediate: true` to search intermediate training",
                    name,
                )
        self._check_number()
        return self

    def _check_number(self) -> None:
        """Refuse too few and too many combinations, and what the method cannot do."""
        ranges = [name for name, values in self.searched.items() if isinstance(values, ValueRange)]
        if self.method == "grid" and ranges:
            raise refusal(
                "a grid needs a list of values, not a range",
                "list the values, or set `method: random` and a `budget`",
                ranges[0],
            )
        if self.method == "random" and self.budget is None:
            raise refusal("random search needs a budget", "set `budget`", "method")
        combinations = self.num_combinations
        if combinations == 1:
            raise refusal("one combination is nothing to choose from", "list more values")
        if self.method == "grid" and self.budget and combinations > self.budget:
            raise refusal(
                f"the grid has {combinations:.0f} combinations",
                "raise the budget, list fewer values, or set `method: random`",
                "budget",
            )
        wanted = min(combinations, self.budget or combinations)
        if wanted > MAX_COMBINATIONS:
            raise refusal(
                f"{wanted:.0f} combinations; the most is {MAX_COMBINATIONS}",
                "list fewer values, or set `method: random` and a `budget`",
            )
        if self.method == "random" and self.budget and len(self.trials()) < self.budget:
            raise refusal(
                f"there are only {len(self.trials())} different combinations",
                "lower the budget, or widen the range",
                "budget",
            )

    @property
    def searched(self) -> Mapping[str, Any]:
        """Field of the recipe → its values, or the range to draw them from."""
        given = {name: getattr(self, name) for name in SEARCHABLE if hasattr(self, name)}
        return {name: values for name, values in given.items() if values is not None}

    @property
    def num_combinations(self) -> float:
        """Number of different combinations of values; infinite with a range of real numbers."""
        sizes = (
            (values.max - values.min + 1 if _is_whole(name) else math.inf)
            if isinstance(values, ValueRange)
            else len(values)
            for name, values in self.searched.items()
        )
        return math.prod(sizes)

    def trials(self) -> tuple[Trial, ...]:
        """The combinations to try, in order: the last field varies fastest.

        Random ones depend on the values alone, and a larger budget adds to those of a smaller one.
        """
        if self.method == "grid":
            return tuple(
                dict(zip(self.searched, values, strict=True))
                for values in product(*self.searched.values())
            )
        assert self.budget
        unique: dict[tuple[tuple[str, Any], ...], Trial] = {}
        for trial in islice(self._draws(), DRAWS * self.budget):
            unique.setdefault(tuple(trial.items()), trial)
            if len(unique) == self.budget:
                break
        return tuple(unique.values())

    def _draws(self) -> Iterator[Trial]:
        random = Random(seed_of("recipe search"))
        while True:
            yield {
                name: values.draw(random, whole=_is_whole(name))
                if isinstance(values, ValueRange)
                else random.choice(values)
                for name, values in self.searched.items()
            }

    def search_seeds(self, reported: tuple[int, ...]) -> tuple[int, ...]:
        """The seeds of the trials; by default the first from 100 on that is not reported."""
        if self.seeds:
            return self.seeds
        return (next(seed for seed in count(FIRST_SEED) if seed not in reported),)


def _is_whole(name: str) -> bool:
    """Whether a field of the recipe takes whole numbers alone."""
    kinds = _types(Recipe.model_fields[name].annotation)
    return int in kinds and float not in kinds


def _types(annotation: Any) -> set[Any]:
    arguments = get_args(annotation)
    return {annotation} if not arguments else {kind for item in arguments for kind in _types(item)}


def _searched_field(name: str) -> Any:
    """A field with a list of values of a recipe's field or, for a number, a range."""
    field = Recipe.model_fields[name]
    kind: Any = field.annotation
    bounded: Any = Annotated[kind, *field.metadata] if field.metadata else kind
    values: Any = Annotated[tuple.__class_getitem__((bounded, ...)), Field(min_length=1)]
    if _types(kind) & {int, float}:
        values = values | ValueRange
    description = f"values to try: {field.description}"
    return values | None, Field(None, exclude_if=is_none, description=description)


RecipeSearch = create_model(
    "RecipeSearch",
    __base__=SearchOptions,
    __doc__="Recipe values to try, and how; the choice is made by dev scores.",
    **{name: _searched_field(name) for name in SEARCHABLE},
)
