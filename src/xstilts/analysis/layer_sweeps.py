"""Layer sweeps: a target that is searched in several layers or poolings is still one target.

Layers agree far more than targets do. Counted as targets they would make one result look like
many, so a study uses the default one.
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
    """The task of a target as the results name it: a sweep's names hold a layer and pooling."""
    return TargetName.parse(target).task


def default_layers(targets: Iterable[str], layer: int | None = None) -> dict[str, str]:
    """The targets to keep → their plain names; of each sweep one layer and pooling is kept.

    That is the encoder's layer with the default pooling; if the sweep lacks it, the first with
    one of the two, or the first.

    Args:
        layer: that `retrieval.layer: auto` takes; none if unknown.
    """
    kept: dict[str, str] = {}
    for name in targets:
        task = task_of(name)
        if task not in kept or _rank(name, layer) > _rank(kept[task], layer):
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
    if not any(TargetName.parse(name).is_swept for name in every):
        return frame, tuple(cells), ()
    plain = default_layers(every, ResolvedExperiment(loaded).source.defaults.retrieval_layer)
    kept = frame[frame["target"].isin(list(plain))]
    return (
        kept.assign(target=kept["target"].map(plain)),
        tuple(replace(cell, target=plain[cell.target]) for cell in cells if cell.target in plain),
        tuple(_choices(every, plain)),
    )


def _rank(name: str, layer: int | None) -> tuple[bool, bool]:
    target = TargetName.parse(name)
    return target.is_swept and target.layer == layer, target.pooling == POOLING


def _choices(every: Sequence[str], plain: dict[str, str]) -> Iterator[str]:
    for name, task in plain.items():
        if name != task:
            count = sum(task_of(one) == task for one in every)
            vectors = TargetName.parse(name).vectors
            yield (
                f"{task} was evaluated with {count} layers and poolings, which count as one "
                f"target: {vectors} is used."
            )
