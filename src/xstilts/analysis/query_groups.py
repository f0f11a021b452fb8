"""The queries of a retrieval, grouped by their right answers: the bootstrap draws groups.

A sentence and its translation are queries for each other, and paraphrases ask for the same answers.
Captions of one image ask for it, and it asks for any of them. Their hits are not independent: drawn
one by one, intervals would be too narrow.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter
from typing import Any

import numpy as np

from xstilts.core.store import Store
from xstilts.formats.image_text.retrieval import IMAGE_RETRIEVAL
from xstilts.formats.retrieval import RETRIEVAL
from xstilts.formats.spec import FormatSpec
from xstilts.metrics import METRICS
from xstilts.stages.io.rows import read_table
from xstilts.stages.prepare import ROWS
from xstilts.stages.search import DIRECTIONS
from xstilts.statistics.estimate import Floats

RECENT = 64
"""Test sets whose groups are kept in memory: all settings and seeds have the same."""


@dataclass(frozen=True)
class _Grouping:
    """How the queries of a format are grouped.

    Args:
        prefixes: input of the score stage that has queries → what their names begin with in the
            statistics.
        group_of: the gold answer of a query → its group; empty if it has none.
    """

    format: FormatSpec
    prefixes: Mapping[str, str]
    group_of: Callable[[Any], str]


GROUPINGS = {
    one.format.name: one
    for one in (
        _Grouping(
            RETRIEVAL,
            {f"rows:{side}": f"{direction}:" for direction, side, _ in DIRECTIONS},
            str,
        ),
        _Grouping(IMAGE_RETRIEVAL, {"rows": ""}, itemgetter(0)),
    )
}


def has_query_groups(metric: str) -> bool:
    """Whether a metric scores queries that may be in groups."""
    return not GROUPINGS.keys().isdisjoint(METRICS.get(metric).formats)


@dataclass(frozen=True)
class ScoredQueries:
    """The prepared rows whose queries a stage scores.

    Args:
        keys: of the rows, in the order of `_Grouping.prefixes`.
    """

    format: str
    keys: tuple[str, ...]


def scored_queries(key: str, store: Store) -> ScoredQueries | None:
    """Those of a score stage; none if its examples are independent, or it scores no search."""
    stage = store.artifact(key).manifest["stage"]
    name, inputs = stage["params"].get("format", ""), stage["inputs"]
    roles = GROUPINGS[name].prefixes if name in GROUPINGS else {}
    if not roles or not inputs.keys() >= roles.keys():
        return None
    return ScoredQueries(name, tuple(inputs[role] for role in roles))


@lru_cache(maxsize=RECENT)
def query_groups(queries: ScoredQueries, store: Store) -> Mapping[str, str]:
    """Name of a query in the statistics → its group; its own name if it has none.

    Raises:
        DamagedArtifact: the rows cannot be read.
    """
    grouping = GROUPINGS[queries.format]
    gold = grouping.format.gold
    assert gold is not None
    groups: dict[str, str] = {}
    for prefix, key in zip(grouping.prefixes.values(), queries.keys, strict=True):
        rows = read_table(store.read(key, ROWS), ["id", gold.column]).to_pydict()
        for name, answer in zip(rows["id"], rows[gold.column], strict=True):
            query = f"{prefix}{name}"
            groups[query] = grouping.group_of(answer) or query
    return groups


def grouped_queries(
    metric: str, names: Sequence[str], statistics: Floats, groups: Mapping[str, str]
) -> tuple[tuple[str, ...], Floats]:
    """Groups, sorted, and the sums of their queries' statistics.

    Where no two queries are in one group, these are the queries as they are, so that the draws,
    which depend on the names, are those of independent examples. Groups of which a metric of one
    direction scores no query are left out.

    Args:
        names: [q] of the queries; statistics: [q, k].
    """
    found = sorted({groups[name] for name in names})
    if len(found) == len(names):
        found, sums = list(names), statistics
    else:
        row = {group: number for number, group in enumerate(found)}
        sums = np.zeros((len(found), statistics.shape[1]))
        np.add.at(sums, [row[groups[name]] for name in names], statistics)
    counts = METRICS.get(metric).counts
    if not counts:
        return tuple(found), sums
    scored = np.flatnonzero(sums[:, list(counts)].any(axis=1))
    return tuple(found[number] for number in scored), sums[scored]
