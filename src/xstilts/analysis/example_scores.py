"""The statistics of every test example, for the bootstrap; of retrieval, of groups of queries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from xstilts.analysis.query_groups import (
    grouped_queries,
    has_query_groups,
    query_groups,
    scored_queries,
)
from xstilts.core.store import Store
from xstilts.planning.compile import ResultCell
from xstilts.stages.io.rows import read_columns
from xstilts.stages.score import STATISTICS
from xstilts.statistics.estimate import Floats


@dataclass(frozen=True)
class ExampleScores:
    """Every example's statistics for one cell and metric.

    Args:
        ids: [n] names of the test examples; of a retrieval, the groups of its queries, see
            `query_groups`.
        statistics: [n, k], see `metrics.base.Metric`.
    """

    encoder: str
    intermediate: str
    target: str
    language: str
    seed: int
    metric: str
    ids: tuple[str, ...]
    statistics: Floats


def example_scores(cells: Sequence[ResultCell], store: Store) -> list[ExampleScores]:
    """Each example's statistics, for all cells with a score and for all of their metrics."""
    examples: list[ExampleScores] = []
    tables: dict[str, dict[str, tuple[tuple[str, ...], Floats]]] = {}
    for cell in cells:
        if not store.has(cell.key):
            continue
        if cell.key not in tables:
            tables[cell.key] = statistics_of(cell.key, store)
        run = cell.encoder, cell.intermediate, cell.target, cell.language, cell.seed
        examples += [
            ExampleScores(*run, metric, ids, table)
            for metric, (ids, table) in tables[cell.key].items()
        ]
    return examples


def statistics_of(key: str, store: Store) -> dict[str, tuple[tuple[str, ...], Floats]]:
    """Metric → ids and statistics of the examples of a score stage, or of groups of its queries."""
    found = _stored(key, store)
    grouped = [metric for metric in found if has_query_groups(metric)]
    if grouped and (queries := scored_queries(key, store)):
        groups = query_groups(queries, store)
        found |= {metric: grouped_queries(metric, *found[metric], groups) for metric in grouped}
    return found


def _stored(key: str, store: Store) -> dict[str, tuple[tuple[str, ...], Floats]]:
    """Metric → ids and statistics in the file's order."""
    columns = read_columns(store.read(key, STATISTICS))
    rows: dict[str, list[int]] = {}
    for row, metric in enumerate(columns["metric"]):
        rows.setdefault(metric, []).append(row)
    ids, values = columns["id"], columns["statistics"]
    return {
        metric: (tuple([ids[row] for row in of]), np.array([values[row] for row in of]))
        for metric, of in rows.items()
    }
