"""The two sides of a search: sentences of a language, and English ones, with their vectors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xstilts.stages.base import StageContext
from xstilts.stages.io.rows import read_rows
from xstilts.stages.io.vector_files import vectors_file
from xstilts.stages.prepare import ROWS


@dataclass(frozen=True)
class RetrievalSide:
    """Sentences in the order of their ids, which is the order of their file.

    Args:
        vectors: [n, width], one row per sentence.
        meanings: equal for translations of each other; blank where they were removed.
    """

    ids: list[str]
    texts: list[str]
    meanings: list[str]
    vectors: NDArray[np.float32]


def read_side(context: StageContext, name: str) -> RetrievalSide:
    """One side (`here` or `english`) of a stage that searches."""
    params = context.params
    rows = read_rows(context.inputs[f"rows:{name}"] / ROWS)
    path = context.inputs[f"vectors:{name}"] / vectors_file(params["layer"], params["pooling"])
    vectors = np.load(path, mmap_mode="r", allow_pickle=False).view(np.ndarray)
    order = sorted(range(len(rows)), key=lambda row: natural_order(rows[row]["id"]))
    ordered = [rows[row] for row in order]
    ids, texts, meanings = ([row[name] for row in ordered] for name in ("id", "text", "meaning"))
    return RetrievalSide(ids, texts, meanings, vectors[order])


def natural_order(name: str) -> tuple[int, str]:
    """A key that puts line 9 before line 10."""
    return len(name), name
