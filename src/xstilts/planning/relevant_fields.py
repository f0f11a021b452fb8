"""Fields of a recipe that have no effect on a training or prediction, kept out of its key.

Such a field enters the key with its default, whatever the experiment gives. The stage runs with
the recipe of its key, so that key and result cannot differ.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from xstilts.config.recipe import OLD_RECIPE_KEYS, Recipe
from xstilts.formats.spec import FormatSpec
from xstilts.formats.training_spec import TrainingSpec
from xstilts.models.encoder_config import POOLINGS
from xstilts.planning.resolve import ResolvedExperiment

PUBLISHED: Mapping[str, tuple[object, ...]] = {
    "doc_stride": (64, 96),
    "head_learning_rate": (0.01,),
    "mlm_share": (0.3,),
    "patience": (30,),
    "warmup_ratio": (0.0,),
}
"""Values without effect that are in keys of the presets: these values, and no others, stay in keys.

doc_stride, head_learning_rate and mlm_share are those of the mini presets, patience that of
phang-2020 with `checkpoint: last`, and warmup_ratio that of xtreme-r and xtreme-scripts with
warmup_steps.
"""
TOKENIZATION = (
    "max_length",
    "doc_stride",
    "max_query_length",
    "n_best",
    "max_answer_length",
    "null_score_diff_threshold",
    "retrieval_query_length",
)
DECODING = ("n_best", "max_answer_length", "null_score_diff_threshold")
"""Fields of answers that are predicted, and not of features."""
CONTRASTIVE = ("contrastive_temperature", "contrastive_similarity", "contrastive_symmetric")


def relevant_recipe(
    recipe: Recipe,
    formats: Sequence[FormatSpec],
    *,
    searched: Collection[str] = (),
    has_dev: bool = True,
) -> Recipe:
    """The recipe of a training, with the defaults of fields that have no effect on it.

    Args:
        formats: those of its tasks; one for each task.
        searched: fields whose values a search chooses, so that they are not known.
        has_dev: whether the training predicts dev sets.
    """
    unused = {*_unused_by_tasks(formats), *_overridden(recipe, searched)}
    if not has_dev:
        unused |= set(DECODING)
    counted = [one for one in formats if not _training(one).self_supervision] or formats
    if len(counted) == 1:
        unused |= {"temperature", "sampling"}
    if len(counted) == len(formats):
        unused.add("mlm_share")
    return with_defaults(recipe, unused)


def with_defaults(recipe: Recipe, fields: Collection[str]) -> Recipe:
    """The recipe with the defaults of some fields, except for values of `PUBLISHED`."""
    defaults = {
        name: Recipe.model_fields[name].default
        for name in fields
        if getattr(recipe, name) not in PUBLISHED.get(name, ())
    }
    return recipe.model_copy(update=defaults)


def feature_recipe(recipe: Recipe) -> Recipe:
    """The recipe of stages that read features and predict no answers."""
    return with_defaults(recipe, DECODING)


def key_pooling(resolved: ResolvedExperiment, formats: Sequence[FormatSpec]) -> str:
    """Pooling of the sentence heads of a model; the encoder's own if no head of it pools."""
    own = resolved.source.defaults.pooling
    if any(_training(one).pools for one in formats) or own not in POOLINGS:
        return resolved.pooling
    return own


def _unused_by_tasks(formats: Sequence[FormatSpec]) -> Iterator[str]:
    """Fields that no task of a training uses."""
    trainings = [_training(one) for one in formats]
    keys = {key for one in formats for key in one.tokenization_fields}
    tokenized = {OLD_RECIPE_KEYS.get(key, key) for key in keys}
    yield from (name for name in TOKENIZATION if name not in tokenized)
    if not any(one.batch_loss for one in trainings):
        yield from CONTRASTIVE
    if not any(one.self_supervision for one in trainings):
        yield "mask_prob"
    if not any(one.has_dropout for one in trainings):
        yield "dropout"
    if not any(one.has_weights for one in trainings):
        yield "head_learning_rate"


def _overridden(recipe: Recipe, searched: Collection[str]) -> Iterator[str]:
    """Fields without effect because of the value of another one."""
    known = {name: getattr(recipe, name) for name in Recipe.model_fields if name not in searched}
    if known.get("warmup_steps") is not None:
        yield "warmup_ratio"
    if known.get("eval_steps") is not None:
        yield "num_evals"
    if known.get("checkpoint") == "last":
        yield "patience"
    if known.get("sampling") == "uniform":
        yield "temperature"
    if known.get("precision") in ("fp32", "tf32"):
        yield "nan_retry"


def _training(spec: FormatSpec) -> TrainingSpec:
    assert spec.training is not None
    return spec.training
