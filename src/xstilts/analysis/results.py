"""From the cells of an experiment and the store's artifacts to a tidy frame."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from xstilts.analysis.example_scores import statistics_of
from xstilts.analysis.query_groups import ScoredQueries, has_query_groups, scored_queries
from xstilts.analysis.run_states import RunState, States
from xstilts.core.store import Store
from xstilts.planning.compile import ResultCell
from xstilts.stages.base import RETRIED

if TYPE_CHECKING:
    import pandas as pd

Facts = Callable[[str], Mapping[str, Any] | None]
"""Key → the facts of a finished stage; none if it is not there or damaged."""
RECENT = 1_024
"""Stages whose facts are kept: the trainings of consecutive cells are the same."""
COLUMNS = (
    "encoder", "intermediate", "target", "language", "split", "seed", "metric", "value", "n",
    "key", "states",
)  # fmt: skip


def results_frame(cells: Iterable[ResultCell], store: Store) -> pd.DataFrame:
    """One row per cell and metric that is known so far; see `COLUMNS`.

    `value` is between 0 and 1; NaN where a training that it needs diverged. `states` is a
    frozenset of `RunState`.
    """
    import pandas as pd

    facts, sizes = facts_in(store), _RetrievalSizes(store)
    columns: dict[str, list[Any]] = {name: [] for name in COLUMNS}  # a dict per row is 50 MB more
    for cell in cells:
        for row in _rows(cell, facts, sizes):
            for values, value in zip(columns.values(), row, strict=True):
                values.append(value)
    return pd.DataFrame({name: pd.Series(columns.pop(name)) for name in COLUMNS})


def facts_in(store: Store) -> Facts:
    """The facts of a store's stages; those read last are not read again."""

    @lru_cache(maxsize=RECENT)
    def facts(key: str) -> Mapping[str, Any] | None:
        artifact = store.get_finished(key)
        return artifact.facts if artifact else None

    return facts


@dataclass(frozen=True)
class _RetrievalSizes:
    """How many groups of queries the scores of retrieval are over; a score's facts count queries.

    Args:
        known: scored queries and metric → the number; a test set is read once.
    """

    store: Store
    known: dict[tuple[ScoredQueries, str], int] = field(default_factory=dict)

    def of(self, key: str, metric: str, examples: int) -> int:
        """The number of groups that a metric of a score stage scores, or of its examples."""
        queries = scored_queries(key, self.store)
        if not queries:
            return examples
        if (queries, metric) not in self.known:
            for name, (ids, _) in statistics_of(key, self.store).items():
                self.known[queries, name] = len(ids)
        return self.known[queries, metric]


def _rows(cell: ResultCell, facts: Facts, sizes: _RetrievalSizes) -> Iterator[tuple[Any, ...]]:
    """The values of `COLUMNS` for each metric."""
    states = states_of(cell, facts)
    scores = (facts(cell.key) or {}).get("scores", {})
    if not scores and RunState.DIVERGED not in states:
        return
    for metric in cell.metrics:
        score = scores.get(metric, {"value": float("nan"), "n": 0})
        run = cell.encoder, cell.intermediate, cell.target, cell.language, cell.split, cell.seed
        n = score["n"]
        if scores and has_query_groups(metric):
            n = sizes.of(cell.key, metric, n)
        yield *run, metric, score["value"], n, cell.key, states


def states_of(cell: ResultCell, facts: Facts) -> States:
    """What must be known of a cell's run; `PARTIAL` is never among it."""
    trainings = [known for key in cell.trained_by if (known := facts(key)) is not None]
    held = {
        RunState.DIVERGED: any("diverged" in known for known in trainings),
        RunState.COLLAPSED: any(known.get("collapsed") for known in trainings),
        RunState.FP32_RETRY: any(RETRIED in known for known in trainings),
        RunState.SAME_DATA: cell.same_data,
    }
    return _shared(frozenset(state for state, holds in held.items() if holds))


@cache
def _shared(states: States) -> States:
    """The same set for all runs with the same states; one for each run would be 0.2 kB."""
    return states


Expected = Mapping[tuple[str, str, str], frozenset[tuple[str, int]]]
"""(encoder, target, setting) → the (language, seed) pairs that an experiment has."""


def expected(cells: Iterable[ResultCell]) -> Expected:
    """The runs that the cells of an experiment stand for."""
    runs: dict[tuple[str, str, str], set[tuple[str, int]]] = {}
    for cell in cells:
        group = cell.encoder, cell.target, cell.intermediate
        runs.setdefault(group, set()).add((cell.language, cell.seed))
    return {group: frozenset(pairs) for group, pairs in runs.items()}
