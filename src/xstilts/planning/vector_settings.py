"""Which states of the encoder are the sentence vectors of a retrieval target."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from xstilts.config.experiment import RetrievalConfig
from xstilts.models.encoder_config import FIRST
from xstilts.planning.resolve import ResolvedExperiment
from xstilts.tasks.base import TaskSpec


@dataclass(frozen=True)
class VectorSettings:
    """Layers, poolings and texts of the vectors of a target; several in a sweep.

    Args:
        max_length: sub-words of a sentence, or of a candidate with its context.
        query_length: sub-words of a query.
    """

    layers: tuple[int, ...]
    poolings: tuple[str, ...]
    prompt: str
    max_length: int
    query_length: int

    @property
    def outputs(self) -> list[tuple[int, str]]:
        """All combinations of layer and pooling."""
        return list(product(self.layers, self.poolings))


def vector_settings(resolved: ResolvedExperiment, target: TaskSpec) -> VectorSettings:
    """The vectors of a retrieval target.

    A target that is trained on another task is searched with the vectors of that training: its
    pooling of the last block, its lengths, no prompt. The experiment's `retrieval` section has
    priority, key by key.
    """
    settings = resolved.experiment.retrieval
    plain = VectorSettings(
        resolved.layers(),
        resolved.poolings(),
        resolved.prompt(),
        settings.max_length,
        settings.max_length,
    )
    if not resolved.is_trained(target):
        return plain
    trained, given = _of_training(resolved, target), settings.model_fields_set
    has_length = "max_length" in given
    return VectorSettings(
        plain.layers if "layer" in given else trained.layers,
        trained.poolings if settings.own_pooling else plain.poolings,
        trained.prompt if settings.prompt is None else plain.prompt,
        plain.max_length if has_length else trained.max_length,
        plain.query_length if has_length else trained.query_length,
    )


def _of_training(resolved: ResolvedExperiment, target: TaskSpec) -> VectorSettings:
    """The vectors that a target's training compares."""
    recipe, source = resolved.recipe(target.name), resolved.task(resolved.train_ref(target).task)
    last, pooling = resolved.source.defaults.layers, resolved.pooling
    apart = "retrieval_query_length" in source.format_spec.tokenization_fields
    query_length = recipe.retrieval_query_length if apart else recipe.max_length
    return VectorSettings((last,), (pooling,), "", recipe.max_length, query_length)


def differences(resolved: ResolvedExperiment, target: TaskSpec) -> Iterator[str]:
    """Keys of `retrieval` by which a trained target is searched with other vectors."""
    used, trained = vector_settings(resolved, target), _of_training(resolved, target)
    lengths = ("max_length", "query_length") if target.pool_parts else ("max_length",)
    for key, fields in (
        ("layer", ("layers",)),
        ("pooling", ("poolings",)),
        ("prompt", ("prompt",)),
        ("max_length", lengths),
    ):
        assert key in RetrievalConfig.model_fields
        if any(getattr(used, field) != getattr(trained, field) for field in fields):
            yield f"retrieval.{key}"


def reads_first_token(resolved: ResolvedExperiment) -> bool:
    """Whether a sentence head or a sentence vector reads the first token of a text."""
    return resolved.pooling == FIRST or any(
        FIRST in vector_settings(resolved, task).poolings for task in searched_targets(resolved)
    )


def searched_targets(resolved: ResolvedExperiment) -> Iterator[TaskSpec]:
    """The targets whose sentences are embedded and searched, trained or not."""
    tasks = map(resolved.task, resolved.experiment.targets)
    return (task for task in tasks if task.format_spec.search)
