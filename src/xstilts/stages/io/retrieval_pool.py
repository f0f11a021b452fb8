"""The queries and the pool of a search, with their vectors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from xstilts.core.artifact import Artifact
from xstilts.stages.base import StageContext
from xstilts.stages.io.vector_files import vectors_file
from xstilts.stages.prepare import ROWS

QUERIES, POOL = "queries", "pool:"
"""Role of the queries, and prefix of those of the pool's parts, after `rows:` and `vectors:`."""
COLUMNS = ["id", "keys", "text", "context"]


@dataclass(frozen=True)
class Passages:
    """Queries, or the candidates of one part of the pool.

    Args:
        keys: see `AnswerRetrievalExample`.
        texts: [n] digests of text and context, as whole numbers.
        vectors: [n, width], memory-mapped.
    """

    ids: list[str]
    keys: list[tuple[str, ...]]
    texts: NDArray[np.uint64]
    vectors: NDArray[np.float32]


def read_queries(context: StageContext) -> Passages:
    """The queries of a stage that searches a pool."""
    return _read(context, QUERIES)


def read_pool(context: StageContext) -> list[Passages]:
    """The parts of the pool, in the order of their names."""
    roles = (role.removeprefix("rows:") for role in sorted(context.inputs))
    return [_read(context, role) for role in roles if role.startswith(POOL)]


def _read(context: StageContext, role: str) -> Passages:
    params = context.params
    path = context.inputs[f"vectors:{role}"] / vectors_file(params["layer"], params["pooling"])
    vectors = np.load(path, mmap_mode="r", allow_pickle=False).view(np.ndarray)
    ids, keys, texts = [], [], []
    for name, its_keys, digest in _rows(context.inputs[f"rows:{role}"]):
        ids.append(name)
        keys.append(its_keys)
        texts.append(digest)
    return Passages(ids, keys, np.array(texts, dtype=np.uint64), vectors)


def _rows(artifact: Artifact) -> Iterator[tuple[str, tuple[str, ...], int]]:
    """Id, keys and digest of each row; the texts of one batch at a time are in memory."""
    with pq.ParquetFile(artifact / ROWS) as file:
        for batch in file.iter_batches(columns=COLUMNS, use_threads=False):
            for row in batch.to_pylist():
                yield row["id"], tuple(row["keys"]), _digest(row["text"], row["context"])


def _digest(text: str, context: str) -> int:
    """A digest of a text and its context; equal ones have equal vectors."""
    content = f"{len(text)}:{text}{context}".encode()
    return int.from_bytes(blake2b(content, digest_size=8).digest())
