"""The experiment: which encoder, intermediate settings, targets, languages and seeds."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, create_model, field_validator

from xstilts.config.setting import parse_setting

Fraction = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]


class Model(BaseModel):
    """Base of all parts: unknown keys are errors, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class EncoderChoice(Model):
    """The pretrained encoder."""

    name: str = Field(description="`e5-small-packaged`, a folder, or a Hugging Face model name")
    revision: str | None = Field(None, description="hub revision; a commit pins the weights")
    pooling: Literal["auto", "cls", "mean"] = Field(
        "auto", description="what the sentence head reads; auto: the encoder's own habit"
    )


class Recipe(Model):
    """Hyper-parameters of one training phase.

    The defaults are those of the authors' toolkit (jiant, proj/simple/runscript.py): AdamW
    with decoupled decay 0.01 but none on biases and LayerNorms, clipping at 1, linear decay
    after a warm-up over a tenth of the steps, learning rate 1e-5, three epochs of batches of
    32, texts cut at 256 sub-words.
    """

    learning_rate: Positive = 1e-5
    head_learning_rate: Positive | None = Field(
        None, description="of the freshly drawn heads; empty: the encoder's"
    )
    epochs: Positive = Field(3, description="a mixture's epoch: every task's examples once")
    batch_size: PositiveInt = Field(32, description="examples per optimizer step")
    accumulation: PositiveInt = Field(1, description="slices that a batch is computed in")
    max_length: PositiveInt = Field(256, description="sub-words per example")
    warmup: Fraction = Field(0.1, description="share of the steps")
    weight_decay: Annotated[float, Field(ge=0)] = 0.01
    adam_epsilon: Positive = 1e-8
    clip: Positive = 1.0
    dropout: Fraction = Field(0.1, description="in the heads; the encoder keeps its own")
    evaluations: PositiveInt = Field(3, description="looks at English dev, evenly spread")
    patience: PositiveInt | None = Field(
        None, description="stop after that many looks without a gain; empty: never"
    )
    cap: PositiveInt | None = Field(None, description="mixtures: no task counts as larger")
    temperature: Positive = Field(1.0, description="mixtures: p ~ size^(1/temperature)")
    checkpoint_minutes: Positive = Field(10, description="how much work a stop may cost")


class Limits(Model):
    """How many examples to take; empty: all there are. The first n are a fair sample."""

    train: PositiveInt | None = None
    dev: PositiveInt | None = None
    test: PositiveInt | None = None


class Retrieval(Model):
    """How a sentence becomes a vector for the retrieval targets."""

    layer: int | Literal["auto"] = Field(
        "auto", description="0 is the embedding output, n the n-th block; auto: see docs"
    )
    pooling: Literal["mean", "cls"] = "mean"


class FileTask(Model):
    """A task of your own, read from TSV or JSONL files.

    `files` is a path with `{split}` and `{language}` in it, relative to the experiment.
    TSV has no header; its columns are named by `columns`. JSONL has these names as keys.
    """

    format: Literal["classification", "multiple_choice", "retrieval", "span", "tagging"]
    files: str
    splits: dict[str, tuple[str, ...]]
    columns: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    licence: str = ""
    source: str = ""


def _optional(name: str) -> Any:
    """A recipe's field with its bounds, that may be left out."""
    field = Recipe.model_fields[name]
    kind: Any = field.annotation
    return (Annotated[kind, *field.metadata] if field.metadata else kind) | None, None


RecipeChanges = create_model(
    "RecipeChanges",
    __base__=Model,
    __doc__="Values that replace a recipe's.",
    **{name: _optional(name) for name in Recipe.model_fields},
)


class Recipes(Model):
    """One recipe per phase, and what single tasks do differently."""

    intermediate: Recipe = Recipe()
    target: Recipe = Recipe()
    tasks: dict[str, RecipeChanges] = Field(
        default_factory=dict, description="target task → values that replace the recipe's"
    )


class Experiment(Model):
    """Everything a run needs to know.

    An intermediate setting is `none`, a task, tasks joined by `+` (a mixture) or mixtures
    joined by `>` (one after the other).
    """

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*$")]
    description: str = ""
    encoder: EncoderChoice
    intermediate: Annotated[tuple[str, ...], Field(min_length=1)]
    targets: Annotated[tuple[str, ...], Field(min_length=1)]
    languages: tuple[str, ...] | Literal["all"] = "all"
    data: str | None = Field(
        None, description="folder with the files of tasks that are not downloaded, e.g. XTREME's"
    )
    evaluate: Literal["test", "dev"] = Field(
        "test", description="split to evaluate on; benchmarks remove the labels of some test sets"
    )
    seeds: Annotated[tuple[int, ...], Field(min_length=1)] = (0,)
    recipes: Recipes = Recipes()
    limits: Limits = Limits()
    task_limits: dict[str, Limits] = Field(default_factory=dict)
    retrieval: Retrieval = Retrieval()
    tasks: dict[str, FileTask] = Field(default_factory=dict)

    @field_validator("intermediate")
    @classmethod
    def _settings(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(parse_setting(text).name for text in value)

    @field_validator("encoder", mode="before")
    @classmethod
    def _encoder_by_name(cls, value: object) -> object:
        return {"name": value} if isinstance(value, str) else value

    @field_validator("intermediate", "targets", "seeds", "languages")
    @classmethod
    def _no_repeats(cls, value: object) -> object:
        if isinstance(value, tuple) and len(set(value)) != len(value):
            twice = sorted({str(item) for item in value if value.count(item) > 1})
            raise ValueError(f"named twice: {', '.join(twice)}")
        return value
