"""Hyper-parameters of training: one recipe per phase, with overrides for single target tasks."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import (
    Field,
    NonNegativeInt,
    PositiveInt,
    SerializationInfo,
    SerializerFunctionWrapHandler,
    create_model,
    field_validator,
    model_serializer,
)

from xstilts.config.base import ConfigModel, Fraction, Positive, refusal
from xstilts.config.lora import LoraConfig

OMIT_IF_DEFAULT = ("checkpoint", "precision", "compile")
NOT_IN_KEY = ("checkpoint_minutes", "gradient_checkpointing")
"""Fields that affect speed, memory or recovery, but not the result."""
PREDICTION_ONLY = ("answer_text",)
"""Fields that affect predictions of targets, but no training."""


PRECISION = "precision"
"""Key of a recipe and of `retrieval`, and parameter of stages that predict or embed in bf16."""
AUTO: Final = "auto"
"""The precision by default, which depends on the device."""
COMPUTED_IN = "computed in "
"""Begins the note in the provenance of a stage that names a precision other than fp32."""
BETA2 = 0.999
"""Decay of AdamW's second moment by default."""
EMPTY = "empty"
"""In records: a value that is given as null, of a key whose null in records stands for no value."""
QUERY_LENGTH = 96
"""Sub-words of a query by default, as in XTREME-R's train_lareqa.sh."""


def is_none(value: object) -> bool:
    """Whether an optional field is empty: it is then left out of keys and records."""
    return value is None


def is_fp32(value: object) -> bool:
    """Whether `nan_retry` has its default: it is then left out of keys and records."""
    return value == "fp32"


class Recipe(ConfigModel):
    """Hyper-parameters of one training phase.

    The defaults are those of the authors' toolkit (jiant, proj/simple/runscript.py): AdamW with
    decoupled weight decay 0.01 except on biases and LayerNorms, gradients clipped at norm 1,
    linear decay after a warm-up over a tenth of the steps, learning rate 1e-5, three epochs with
    batches of 32, texts truncated to 256 tokens.

    A `serialization_alias` is the name of a field in stage keys. It is the field's former name,
    which experiment files may still use.
    """

    learning_rate: Positive = Field(1e-5, description="peak learning rate")
    head_learning_rate: Positive | None = Field(
        None, description="peak learning rate of the task heads; empty: learning_rate"
    )
    epochs: Annotated[float, Field(gt=0, le=1_000_000)] = Field(
        3, description="passes over the examples of every task of a mixture"
    )
    max_steps: PositiveInt | None = Field(
        None,
        exclude_if=is_none,
        description="most optimizer steps, if `epochs` would take more; empty: no limit",
    )
    batch_size: PositiveInt = Field(32, description="examples per optimizer step")
    gradient_accumulation_steps: PositiveInt = Field(
        1,
        serialization_alias="accumulation",
        description="micro-batches that a batch is split into; batch_size stays the total",
    )
    max_length: PositiveInt = Field(256, description="maximum tokens per example")
    doc_stride: PositiveInt = Field(
        128,
        serialization_alias="stride",
        description="span: tokens between the starts of consecutive context windows",
    )
    max_query_length: PositiveInt = Field(
        64, serialization_alias="question_length", description="span: maximum tokens of a question"
    )
    n_best: PositiveInt = Field(
        20, description="span: number of start and end candidates that are paired"
    )
    max_answer_length: PositiveInt = Field(
        30, serialization_alias="answer_length", description="span: maximum tokens of an answer"
    )
    null_score_diff_threshold: float = Field(
        0.0,
        serialization_alias="null_threshold",
        description="span: predict no answer if its score leads by more than this (SQuAD v2.0)",
    )
    answer_text: Literal["subwords", "xtreme", "jiant"] = Field(
        "subwords",
        exclude_if=lambda rule: rule == "subwords",  # digests of records stay as they are
        description="span: bounds of predicted answers: the predicted tokens, or by the rule of "
        "XTREME's or jiant's scripts; training and dev scores use the tokens",
    )
    warmup_ratio: Fraction = Field(
        0.1, serialization_alias="warmup", description="fraction of the steps that warm up"
    )
    warmup_steps: NonNegativeInt | None = Field(
        None, exclude_if=is_none, description="steps that warm up, in place of warmup_ratio"
    )
    weight_decay: Annotated[float, Field(ge=0)] = Field(
        0.01, description="decoupled weight decay, except on biases and LayerNorms"
    )
    adam_beta2: Annotated[float, Field(ge=0, lt=1)] = Field(
        BETA2,
        exclude_if=lambda beta: beta == BETA2,  # keys and records without it stay as they are
        description="decay of AdamW's second moment",
    )
    adam_epsilon: Positive = Field(1e-8, description="epsilon of AdamW")
    max_grad_norm: Positive = Field(
        1.0, serialization_alias="clip", description="norm at which gradients are clipped"
    )
    dropout: Fraction = Field(
        0.1, description="dropout in the task heads; the encoder keeps its own rate"
    )
    num_evals: PositiveInt = Field(
        3,
        serialization_alias="evaluations",
        description="dev evaluations during training, evenly spaced",
    )
    eval_steps: PositiveInt | None = Field(
        None, exclude_if=is_none, description="steps between dev evaluations, in place of num_evals"
    )
    checkpoint: Literal["best", "last"] = Field(
        "best",
        serialization_alias="keep",
        description="checkpoint to use: best on the dev set, or last",
    )
    patience: PositiveInt | None = Field(
        None,
        description="early stopping: evaluations without improvement before training stops; "
        "empty: no early stopping",
    )
    max_task_size: PositiveInt | None = Field(
        None,
        serialization_alias="cap",
        description="mixtures: maximum size that a task counts with in sampling",
    )
    temperature: Positive = Field(
        1.0, description="mixtures: sampling temperature T, p ~ size^(1/T)"
    )
    sampling: Literal["proportional", "uniform"] = Field(
        "proportional",
        description="mixtures: sample tasks by size (max_task_size, temperature) or uniformly",
    )
    mlm_share: Annotated[float, Field(gt=0, lt=1)] = Field(
        0.5,
        description="fraction of all steps used for masked language modelling, "
        "added to the steps of the other tasks",
    )
    mask_prob: Annotated[float, Field(gt=0, lt=1)] = Field(
        0.15,
        serialization_alias="masked",
        description="masked language modelling: fraction of the tokens to predict",
    )
    retrieval_query_length: PositiveInt = Field(
        QUERY_LENGTH,
        exclude_if=lambda length: length == QUERY_LENGTH,  # keys without it stay as they are
        description="dual_encoder: maximum tokens of a query; a passage has max_length",
    )
    contrastive_temperature: Positive | None = Field(
        None,
        exclude_if=is_none,
        description="dual_encoder, image_retrieval: similarities are divided by it; empty: 0.01, "
        "and 0.07 with images",
    )
    contrastive_similarity: Literal["cosine", "dot"] | None = Field(
        None,
        exclude_if=is_none,
        description="dual_encoder, image_retrieval: similarity of two vectors in training; empty: "
        "cosine",
    )
    contrastive_symmetric: bool | None = Field(
        None,
        exclude_if=is_none,
        description="dual_encoder, image_retrieval: each passage or image also selects its query "
        "among the batch's; empty: false, and true with images",
    )
    precision: Literal["auto", "fp32", "tf32", "bf16"] = Field(
        AUTO,
        description="training precision; auto: bf16 on a GPU that supports it, else fp32; an "
        "explicit bf16 is that of predictions too",
    )
    nan_retry: Literal["fp32", "none"] = Field(
        "fp32",
        exclude_if=is_fp32,
        description="after a loss or gradient that is not finite in bf16: train again in fp32 from "
        "step 0, or `none`",
    )
    gradient_checkpointing: bool = Field(
        False, description="recompute activations in the backward pass to save memory"
    )
    compile: bool = Field(
        False, description="torch.compile the encoder (padded batches, about 1 min warm-up)"
    )
    checkpoint_minutes: Positive = Field(10, description="minutes between resume checkpoints")
    lora: LoraConfig | None = Field(
        None,
        exclude_if=is_none,
        description="low-rank adapters, trained in place of the encoder's weights; empty: all "
        "weights are trained",
    )

    @classmethod
    def from_key_params(
        cls, params: Mapping[str, Any], chosen: Mapping[str, Any] | None = None
    ) -> Recipe:
        """The recipe in a stage's parameters, which have the names of `key_params`.

        Args:
            chosen: field → value, of fields that the parameters lack.
        """
        given = {OLD_RECIPE_KEYS.get(key, key): params[key] for key in params}
        return cls.model_validate({**(chosen or {}), **given})

    def key_params(self) -> dict[str, Any]:
        """The fields that determine the result, as JSON for a stage's key.

        Fields that were added after the first release are omitted at their defaults, so that
        existing keys stay valid.
        """
        at_default = {
            name
            for name in OMIT_IF_DEFAULT
            if getattr(self, name) == Recipe.model_fields[name].default
        }
        return self.model_dump(by_alias=True, exclude={*NOT_IN_KEY, *PREDICTION_ONLY, *at_default})

    def runtime_params(self) -> dict[str, Any]:
        """The fields that a training run needs in addition to its key."""
        return self.model_dump(include=set(NOT_IN_KEY))

    def sampling_params(self) -> dict[str, Any]:
        """The arguments of `training.task_sampling.schedule` that the recipe determines."""
        return {
            "batch": self.batch_size,
            "epochs": self.epochs,
            "max_steps": self.max_steps,
            "max_task_size": self.max_task_size,
            "temperature": math.inf if self.sampling == "uniform" else self.temperature,
            "extra_fraction": self.mlm_share,
        }

    def expected_evals(self, steps: int) -> int:
        """Number of dev evaluations in a training of so many steps, without early stopping."""
        return -(-steps // self.eval_steps) if self.eval_steps else self.num_evals

    def tokenization_params(self, fields: Iterable[str]) -> dict[str, Any]:
        """Fields of `formats.base.TokenizationConfig`, as JSON for a stage's key."""
        return {name: getattr(self, OLD_RECIPE_KEYS.get(name, name)) for name in fields}


def _optional(name: str) -> Any:
    """A field of Recipe with its bounds that may be omitted."""
    field = Recipe.model_fields[name]
    kind: Any = field.annotation
    bounded = Annotated[kind, *field.metadata] if field.metadata else kind
    return bounded | None, Field(
        None, serialization_alias=field.serialization_alias, description=field.description
    )


class _Changes(ConfigModel):
    """Base of `RecipeChanges`.

    A value that is given as null replaces that of the recipe, so records keep it apart from an
    absent one: fields that a recipe leaves out when they are empty are left out here when they are
    absent, and of the others, which are null when they are absent, null is `EMPTY`.
    """

    def __eq__(self, other: object) -> bool:
        if isinstance(other, _Changes) and self.model_fields_set != other.model_fields_set:
            return False
        return super().__eq__(other)

    __hash__ = ConfigModel.__hash__

    @model_serializer(mode="wrap")
    def _without_absent(
        self, serialize: SerializerFunctionWrapHandler, info: SerializationInfo
    ) -> dict[str, Any]:
        optional = {name for name, field in Recipe.model_fields.items() if field.exclude_if}
        absent = optional - self.model_fields_set
        values = {name: value for name, value in serialize(self).items() if name not in absent}
        nulls = [name for name in sorted(self.model_fields_set) if getattr(self, name) is None]
        if info.exclude_unset or info.exclude_defaults:
            return values | dict.fromkeys(nulls)
        aliases = {name: old for old, name in OLD_RECIPE_KEYS.items()} if info.by_alias else {}
        return values | {aliases.get(n, n): EMPTY for n in nulls if n not in optional}


RecipeChanges = create_model(
    "RecipeChanges",
    __base__=_Changes,
    __doc__="Values that replace those of a recipe.",
    **{name: _optional(name) for name in Recipe.model_fields},
)


def refuse_empty_values(changes: RecipeChanges, prefix: str = "") -> None:
    """Refuse a value that is null although the recipe needs one.

    Args:
        prefix: of the names in the message.
    """
    for name in sorted(changes.model_fields_set):
        if getattr(changes, name) is None and Recipe.model_fields[name].default is not None:
            raise refusal(f"{prefix}{name} needs a value", "leave it out to keep the recipe's")


class EncoderRecipe(RecipeChanges):
    """Values that replace those of all recipes for one encoder."""

    tasks: dict[str, RecipeChanges] = Field(
        default_factory=dict,
        exclude_if=lambda tasks: not tasks,  # digests of records without it stay as they are
        description="target task → values that replace the encoder's other values",
    )


OLD_RECIPE_KEYS = {
    field.serialization_alias: name
    for name, field in Recipe.model_fields.items()
    if field.serialization_alias
}
"""Former name of a recipe key, which stage keys still use → its name."""


class Recipes(ConfigModel):
    """One recipe per phase, and overrides for single target tasks."""

    intermediate: Recipe = Field(Recipe(), description="intermediate training (phase 2)")
    target: Recipe = Field(Recipe(), description="training on the target tasks (phase 3)")
    adaptation: Recipe | None = Field(
        None,
        exclude_if=is_none,
        description="training of `encoder.adapted_by`; empty: the values of `intermediate`",
    )
    tasks: dict[str, RecipeChanges] = Field(
        default_factory=dict, description="target task → values that replace those of `target`"
    )

    @field_validator("intermediate")
    @classmethod
    def _predicts_nothing(cls, value: Recipe) -> Recipe:
        if value.answer_text != Recipe.model_fields["answer_text"].default:
            raise refusal(
                "answer_text has no effect in intermediate training", "set it in recipes.target"
            )
        return value

    @field_validator("tasks")
    @classmethod
    def _values_given(cls, value: dict[str, Any]) -> dict[str, Any]:
        for task, changes in value.items():
            refuse_empty_values(changes, f"{task}.")
        return value
