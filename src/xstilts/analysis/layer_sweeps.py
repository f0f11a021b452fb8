"""Rows of one target that count as one: layer sweeps, and evaluations beside zero-shot.

Layers agree far more than targets do. Counted as targets they would make one result look like
many, so a study uses the default one. Few-shot and translate-test rows are left out: studies and
claims are about zero-shot transfer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import pandas as pd

from xstilts.config.experiment import RetrievalConfig
from xstilts.config.load import LoadedExperiment
from xstilts.planning.compile import ResultCell
from xstilts.planning.resolve import ResolvedExperiment
from xstilts.planning.target_name import TargetName

POOLING = str(RetrievalConfig().pooling)


def task_of(target: str) -> str:
    """The task of a target as the results name it, without layer, pooling and evaluation."""
    return TargetName.parse(target).task


def default_layers(
    targets: Iterable[str], layer: int | None = None, pooling: str = POOLING
) -> dict[str, str]:
    """The targets to keep → their plain names; of each sweep one layer and pooling is kept.

    That is the encoder's layer with the default pooling; if the sweep lacks it, the first with
    one of the two, or the first.

    Args:
        layer: that `retrieval.layer: auto` takes; none if unknown.
        pooling: that `retrieval.pooling: auto` takes.
    """
    kept: dict[str, str] = {}
    for name in filter(_is_zero_shot, targets):
        task = task_of(name)
        if task not in kept or _rank(name, layer, pooling) > _rank(kept[task], layer, pooling):
            kept[task] = name
    return {name: task for task, name in kept.items()}


def pick_default_layer(
    frame: pd.DataFrame, cells: Sequence[ResultCell], loaded: LoadedExperiment
) -> tuple[pd.DataFrame, tuple[ResultCell, ...], tuple[str, ...]]:
    """Results and cells with the default layer and pooling of each sweep, by its plain name.

    Returns:
        Also a sentence for each sweep: which layer and pooling is used.
    """
    every = list(dict.fromkeys((*(cell.target for cell in cells), *frame["target"])))
    if every == list(map(task_of, every)):
        return frame, tuple(cells), ()
    defaults = ResolvedExperiment(loaded).source.defaults
    plain = default_layers(every, defaults.retrieval_layer, defaults.retrieval_pooling)
    kept = frame[frame["target"].isin(list(plain))]
    return (
        kept.assign(target=kept["target"].map(plain)),
        tuple(replace(cell, target=plain[cell.target]) for cell in cells if cell.target in plain),
        tuple(_choices(every, plain)),
    )


def _is_zero_shot(name: str) -> bool:
    return TargetName.parse(name).is_zero_shot


def _rank(name: str, layer: int | None, pooling: str) -> tuple[bool, bool]:
    target = TargetName.parse(name)
    return target.is_swept and target.layer == layer, target.pooling == pooling


def _choices(every: Sequence[str], plain: dict[str, str]) -> Iterator[str]:
    if not all(map(_is_zero_shot, every)):
        yield "Few-shot and translate-test evaluations are left out: this is about zero-shot."
    for name, task in plain.items():
        if name != task:
            count = sum(TargetName.parse(one).is_swept for one in every if task_of(one) == task)
            vectors = TargetName.parse(name).vectors
            yield (
                f"{task} was evaluated with {count} layers and poolings, which count as one "
                f"target: {vectors} is used."
            )
