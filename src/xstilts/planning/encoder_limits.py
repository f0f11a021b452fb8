"""Limits of an encoder, held against the stages that are to run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from xstilts.core.errors import ConfigError
from xstilts.core.plan import StageState, StageStatus
from xstilts.core.stage import Stage
from xstilts.models.encoder_source import EncoderSource
from xstilts.planning.compiled_experiment import CompiledExperiment
from xstilts.planning.resolve import ResolvedExperiment

MAX_LENGTH = "max_length"


def check_lengths(
    parts: Iterable[CompiledExperiment], statuses: Mapping[str, StageStatus] | None
) -> None:
    """Check that no text can be longer than the positions of its experiment's encoder.

    Args:
        statuses: key → state; only stages to do are checked. None: all stages are to do.

    Raises:
        ConfigError: the `max_length` of a stage is larger.
    """
    for part in parts:
        source = ResolvedExperiment(part.loaded).source
        with part.loaded.locating_errors():
            for stage in part.compiled.plan.stages:
                if statuses is None or statuses[stage.key].state is StageState.TODO:
                    _check_length(source, stage)


def _check_length(source: EncoderSource, stage: Stage) -> None:
    positions = source.defaults.positions
    longest = max(_lengths(stage.params), default=0) if "encoder" in stage.inputs else 0
    if positions is not None and longest > positions:
        section = "recipes" if stage.params.keys() & {"recipe", "reading"} else "retrieval"
        raise ConfigError(
            f"max_length is {longest}, and the encoder {source.name} has {positions} positions "
            f"({stage.label})",
            where=f"{section}.{MAX_LENGTH}",
            todo=f"set max_length to {positions} or less",
        )


def _lengths(params: Mapping[str, Any]) -> Iterator[int]:
    for name, value in params.items():
        if isinstance(value, Mapping):
            yield from _lengths(value)
        elif name == MAX_LENGTH and isinstance(value, int):
            yield value
