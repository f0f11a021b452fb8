"""The queries of a retrieval in both directions, grouped by meaning: the bootstrap draws groups.

A sentence and its translation are queries for each other, and paraphrases ask for the same answers.
Their hits are not independent: drawn one by one, intervals of a score of both directions would be
too narrow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np

from xstilts.core.store import Store
from xstilts.formats.retrieval import RETRIEVAL
from xstilts.metrics import METRICS
from xstilts.stages.io.rows import read_table
from xstilts.stages.prepare import ROWS
from xstilts.stages.search import DIRECTIONS
from xstilts.statistics.estimate import Floats

RECENT = 64
"""Test sets whose meanings are kept in memory: all settings and seeds have the same."""


def has_query_groups(metric: str) -> bool:
    """Whether a metric scores the queries of a retrieval in both directions."""
    return RETRIEVAL.name in METRICS.get(metric).formats


def searched_rows(key: str, store: Store) -> tuple[str, ...]:
    """Keys of the prepared sentences whose search a stage scores, in the order of `DIRECTIONS`.

    Empty for a stage that scores no search in both directions.
    """
    inputs = store.artifact(key).manifest["stage"]["inputs"]
    roles = [f"rows:{side}" for _, side, _ in DIRECTIONS]
    return tuple(inputs[role] for role in roles) if inputs.keys() >= set(roles) else ()


@lru_cache(maxsize=RECENT)
def query_meanings(rows: tuple[str, ...], store: Store) -> Mapping[str, str]:
    """Name of a query in the statistics → its meaning; its own name if it has none.

    Args:
        rows: see `searched_rows`.

    Raises:
        DamagedArtifact: the rows cannot be read.
    """
    meanings: dict[str, str] = {}
    for (direction, _, _), key in zip(DIRECTIONS, rows, strict=True):
        sentences = read_table(store.read(key, ROWS), ["id", "meaning"]).to_pydict()
        for name, meaning in zip(sentences["id"], sentences["meaning"], strict=True):
            query = f"{direction}:{name}"
            meanings[query] = meaning or query
    return meanings


def grouped_queries(
    metric: str, names: Sequence[str], statistics: Floats, meanings: Mapping[str, str]
) -> tuple[tuple[str, ...], Floats]:
    """Meanings, sorted, and the sums of their queries' statistics.

    Meanings of which a metric of one direction scores no query are left out.

    Args:
        names: [q] of the queries; statistics: [q, k].
    """
    groups = sorted({meanings[name] for name in names})
    row = {meaning: number for number, meaning in enumerate(groups)}
    sums = np.zeros((len(groups), statistics.shape[1]))
    np.add.at(sums, [row[meanings[name]] for name in names], statistics)
    counts = METRICS.get(metric).counts
    if not counts:
        return tuple(groups), sums
    scored = np.flatnonzero(sums[:, list(counts)].any(axis=1))
    return tuple(groups[number] for number in scored), sums[scored]
