"""Layer sweeps: a target that is searched in several layers or poolings is still one target.

Layers agree far more than targets do. Counted as targets they would make one result look like
many, so a study uses the default one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import pandas as pd

from xstilts.config.experiment import RetrievalConfig
from xstilts.config.load import LoadedExperiment
from xstilts.planning.compile import ResultCell
from xstilts.planning.resolve import ResolvedExperiment

WAY = re.compile(r"(.+) \(layer (\d+), (\w+)\)")
"""The name of one way of a sweep; see `stages.searched`."""
POOLING = str(RetrievalConfig().pooling)


def task_of(target: str) -> str:
    """The task of a target as the results name it: a sweep's names hold a layer and pooling."""
    found = WAY.fullmatch(target)
    return found[1] if found else target


def default_way(targets: Iterable[str], layer: int | None = None) -> dict[str, str]:
    """The targets to keep → their plain names; of each sweep one way is kept.

    It is the one with the encoder's layer and the default pooling; where the sweep lacks one of
    these the first with the other, or the first of all.

    Args:
        layer: that `retrieval.layer: auto` takes; none where nobody knows.
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
    """Results and cells with the customary way of each sweep alone, by its plain name.

    Returns:
        Also a sentence for each sweep: which way stands for it.
    """
    every = list(dict.fromkeys((*(cell.target for cell in cells), *frame["target"])))
    if not any(WAY.fullmatch(name) for name in every):
        return frame, tuple(cells), ()
    plain = default_way(every, ResolvedExperiment(loaded).source.defaults.retrieval_layer)
    kept = frame[frame["target"].isin(list(plain))]
    return (
        kept.assign(target=kept["target"].map(plain)),
        tuple(replace(cell, target=plain[cell.target]) for cell in cells if cell.target in plain),
        tuple(_said(every, plain)),
    )


def _rank(name: str, layer: int | None) -> tuple[bool, bool]:
    way = WAY.fullmatch(name)
    return bool(way and int(way[2]) == layer), bool(way and way[3] == POOLING)


def _said(every: Sequence[str], plain: dict[str, str]) -> Iterator[str]:
    for name, task in plain.items():
        if name != task:
            ways = sum(task_of(one) == task for one in every)
            way = name.removeprefix(f"{task} (").removesuffix(")")
            yield f"{task} was searched in {ways} ways, which are one target: {way} stands for it."
