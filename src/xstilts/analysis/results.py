"""From the cells of an experiment and the store's artifacts to a tidy frame."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from xstilts.core.store import Store
from xstilts.planning.compile import ResultCell

if TYPE_CHECKING:
    import pandas as pd

    from xstilts.analysis.gains import ExampleScores

SAME_DATA = "same-data"
Facts = Callable[[str], Mapping[str, Any] | None]
"""Key → the facts of a finished stage; none if it is not there or damaged."""
COLUMNS = (
    "encoder", "intermediate", "target", "language", "split", "seed", "metric", "value", "n",
    "key", "note",
)  # fmt: skip


def results_frame(cells: Iterable[ResultCell], store: Store) -> pd.DataFrame:
    """One row per cell and metric that is known so far; see `COLUMNS`.

    `value` is between 0 and 1; NaN where a training that it needs diverged. `note` holds
    diverged, collapsed (all predictions alike on dev) and same-data (the intermediate
    setting holds the target's own training data), separated by spaces.
    """
    import pandas as pd

    facts = facts_in(store)
    rows = [row for cell in cells for row in _rows(cell, facts)]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def facts_in(store: Store) -> Facts:
    """The facts of a store's stages; each manifest is read once, however many cells need it."""

    @cache
    def facts(key: str) -> Mapping[str, Any] | None:
        artifact = store.get_valid(key)
        return artifact.facts if artifact else None

    return facts


def _rows(cell: ResultCell, facts: Facts) -> Iterator[dict[str, Any]]:
    note = " ".join(notes(cell, facts))
    scores = (facts(cell.key) or {}).get("scores", {})
    if not scores and "diverged" not in note:
        return
    for metric in cell.metrics:
        found = scores.get(metric, {"value": float("nan"), "n": 0})
        yield {
            "encoder": cell.encoder,
            "intermediate": cell.intermediate,
            "target": cell.target,
            "language": cell.language,
            "split": cell.split,
            "seed": cell.seed,
            "metric": metric,
            "value": found["value"],
            "n": found["n"],
            "key": cell.key,
            "note": note,
        }


def notes(cell: ResultCell, facts: Facts) -> list[str]:
    """What a reader must know about a cell's numbers."""
    found = [known for key in cell.trained_by if (known := facts(key)) is not None]
    said = ["diverged"] if any("diverged" in known for known in found) else []
    said += ["collapsed"] if any(known.get("collapsed") for known in found) else []
    return said + ([SAME_DATA] if cell.same_data else [])


def expected(cells: Iterable[ResultCell]) -> dict[tuple[str, str, str], frozenset[tuple[str, int]]]:
    """(encoder, target, setting) → the (language, seed) pairs that the cells have."""
    found: dict[tuple[str, str, str], set[tuple[str, int]]] = {}
    for cell in cells:
        group = cell.encoder, cell.target, cell.intermediate
        found.setdefault(group, set()).add((cell.language, cell.seed))
    return {group: frozenset(pairs) for group, pairs in found.items()}


def example_scores(cells: Sequence[ResultCell], store: Store) -> list[ExampleScores]:
    """Each example's statistics for all cells with a score, for the bootstrap."""
    import numpy as np

    from xstilts.analysis.gains import ExampleScores
    from xstilts.stages.io.rows import read_rows

    found: list[ExampleScores] = []
    tables: dict[str, dict[str, tuple[tuple[str, ...], Any]]] = {}
    for cell in cells:
        if not store.has(cell.key):
            continue
        if cell.key not in tables:
            split: dict[str, tuple[list[str], list[list[float]]]] = {}
            for row in read_rows(store.artifact(cell.key) / "statistics.parquet"):
                ids, values = split.setdefault(row["metric"], ([], []))
                ids.append(row["id"])
                values.append(row["statistics"])
            tables[cell.key] = {
                metric: (tuple(ids), np.array(values)) for metric, (ids, values) in split.items()
            }
        for metric, (names, table) in tables[cell.key].items():
            found.append(
                ExampleScores(
                    cell.encoder,
                    cell.intermediate,
                    cell.target,
                    cell.language,
                    cell.seed,
                    metric,
                    names,
                    table,
                )
            )
    return found
