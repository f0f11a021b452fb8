"""`compare`: the similarity of two tasks or encoders, from the artifacts of other stages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xstilts.core.artifact import Artifact
from xstilts.core.atomic_io import read_json
from xstilts.core.errors import DataError
from xstilts.stages.base import StageContext
from xstilts.stages.io.sample import FISHER, SUBWORDS, VECTORS
from xstilts.statistics.cka import linear_cka
from xstilts.statistics.jensen_shannon import jensen_shannon

Floats = NDArray[np.float64]
NOISE = 1e-11
"""Share of an encoder's largest value below which a tensor's Fisher information counts as zero.

A key's bias has none, as softmax does not see it; what is computed there is rounding.
"""


def run(context: StageContext) -> dict[str, Any]:
    """Facts: the value of the comparison that `how` names."""
    value = HOW[context.params["how"]](context.inputs["one"], context.inputs["other"])
    return {"value": round(value, 10)}


def cosine(left: Floats, right: Floats) -> float:
    """The cosine of two vectors.

    Raises:
        DataError: one of them is zero or not finite.
    """
    length = float(np.linalg.norm(left) * np.linalg.norm(right))
    if not np.isfinite(length) or length == 0:
        raise DataError(
            "a task's vector is zero or not finite: it has no cosine",
            todo="the encoder has diverged: train it again with a lower learning rate",
        )
    return float(left @ right) / length


def _means(left: Artifact, right: Artifact) -> float:
    return cosine(*(_vectors(artifact).mean(axis=0) for artifact in (left, right)))


def _unit_means(left: Artifact, right: Artifact) -> float:
    return cosine(*(_unit(_vectors(artifact)).mean(axis=0) for artifact in (left, right)))


def _unit(vectors: Floats) -> Floats:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, np.finfo(np.float32).tiny))


def _divergence(left: Artifact, right: Artifact) -> float:
    return jensen_shannon(read_json(left / SUBWORDS), read_json(right / SUBWORDS))


def _cka(left: Artifact, right: Artifact) -> float:
    return linear_cka(_vectors(left), _vectors(right))


def _fisher(left: Artifact, right: Artifact) -> float:
    with np.load(left / FISHER) as left_file, np.load(right / FISHER) as right_file:
        return fisher_similarity(
            *({name: file[name] for name in file.files} for file in (left_file, right_file))
        )


def fisher_similarity(left: Mapping[str, Floats], right: Mapping[str, Floats]) -> float:
    """The mean over tensors of the cosine of their Fisher information.

    Tensors without any in one of the models are left out.

    Raises:
        DataError: nothing is left.
    """
    kept = _informative(left) & _informative(right)
    if not kept:
        raise DataError("the gradients of one of the models are all zero or not finite")
    return float(np.mean([cosine(left[name], right[name]) for name in sorted(kept)]))


def _informative(tensors: Mapping[str, Floats]) -> set[str]:
    largest = {name: float(values.max()) for name, values in tensors.items()}
    return {name for name, value in largest.items() if value > NOISE * max(largest.values())}


def _vectors(artifact: Artifact) -> Floats:
    return np.asarray(np.load(artifact / VECTORS, allow_pickle=False), dtype=np.float64)


HOW: Mapping[str, Callable[[Artifact, Artifact], float]] = {
    "means": _means,
    "unit-means": _unit_means,
    "divergence": _divergence,
    "cka": _cka,
    "fisher": _fisher,
}
"""Name → similarity of two artifacts: of mean vectors, of mean unit vectors, and so on."""
