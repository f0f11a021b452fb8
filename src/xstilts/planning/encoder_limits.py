"""Limits of an encoder, held against the stages that are to run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from xstilts.config.recipe import QUERY_LENGTH
from xstilts.core.errors import ConfigError
from xstilts.core.plan import StageState, StageStatus
from xstilts.core.stage import Stage
from xstilts.formats import FORMATS
from xstilts.models.encoder_source import EncoderSource
from xstilts.planning.compiled_experiment import CompiledExperiment
from xstilts.planning.encoder_experiments import encoder_experiments
from xstilts.planning.resolve import ResolvedExperiment

MAX_LENGTH, RETRIEVAL_QUERY_LENGTH = "max_length", "retrieval_query_length"
LENGTHS = (MAX_LENGTH, RETRIEVAL_QUERY_LENGTH)
"""Parameters with a number of sub-words."""


def check_lengths(
    parts: Iterable[CompiledExperiment], statuses: Mapping[str, StageStatus] | None
) -> None:
    """Check that no text can be longer than the positions of its encoder, and that layers exist.

    Args:
        statuses: key → state; only stages to do are checked. None: all stages are to do.

    Raises:
        ConfigError: a number of sub-words of a stage is larger, or the encoder lacks a layer.
    """
    for part in parts:
        sources = [ResolvedExperiment(one).source for one in encoder_experiments(part.loaded)]
        plan = part.compiled.plan
        with part.loaded.locating_errors():
            for stage in plan.stages:
                key = stage.inputs.get("encoder")
                if key and (statuses is None or statuses[stage.key].state is StageState.TODO):
                    params = plan.by_key[key].params["source"]
                    source = next(one for one in sources if one.params == params)
                    _check_length(source, stage)
                    _check_layers(source, stage)


def _check_layers(source: EncoderSource, stage: Stage) -> None:
    last, chosen = source.defaults.layers, stage.params.get("layers", ())
    wrong = [layer for layer in chosen if not 0 <= layer <= last]
    if wrong and not source.defaults.assumed:
        raise ConfigError(
            f"there is no layer {wrong[0]}: the encoder {source.name} has {last} layers",
            where="retrieval.layer",
            todo=f"choose layers from 0 to {last}, or auto, last or all",
        )


def _check_length(source: EncoderSource, stage: Stage) -> None:
    positions = source.defaults.positions
    longest, name = max((*_lengths(stage.params), *_query_length(stage)), default=(0, MAX_LENGTH))
    if positions is not None and longest > positions:
        section = "recipes" if stage.params.keys() & {"recipe", "reading"} else "retrieval"
        raise ConfigError(
            f"{name} is {longest}, and the encoder {source.name} has {positions} positions "
            f"({stage.label})",
            where=f"{section}.{name}",
            todo=f"set {name} to {positions} or less",
        )


def _lengths(params: Mapping[str, Any]) -> Iterator[tuple[int, str]]:
    for name, value in params.items():
        if isinstance(value, Mapping):
            yield from _lengths(value)
        elif name in LENGTHS and isinstance(value, int):
            yield value, name


def _query_length(stage: Stage) -> Iterator[tuple[int, str]]:
    """That of a training whose queries have a length of their own; its key omits the default."""
    tasks = stage.params.get("tasks", {}).values()
    fields = {name for task in tasks for name in FORMATS.get(task["format"]).tokenization_fields}
    if RETRIEVAL_QUERY_LENGTH in fields:
        recipe = stage.params["recipe"]
        yield recipe.get(RETRIEVAL_QUERY_LENGTH, QUERY_LENGTH), RETRIEVAL_QUERY_LENGTH
