"""The stages of a report: their states and times, sums by kind, and what made them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from xstilts.core.plan import StageState, StageStatus
from xstilts.core.stage import Stage
from xstilts.core.store import Store

LISTED = 4_000
"""Stages that a page lists, at most: more would be most of its bytes."""
OF_EACH_SCORE = ("predict", "predict-tuned", "score")
"""Kinds that are left out beyond that: scores are linked from their table."""


@dataclass(frozen=True)
class StageRow:
    """One row of the stage table; `seconds` is None if not done."""

    stage: Stage
    state: str
    seconds: float | None


def stage_rows(
    stages: Iterable[Stage], statuses: Mapping[str, StageStatus], store: Store
) -> Iterator[StageRow]:
    """A row per stage, in plan order."""
    for stage in stages:
        status = statuses[stage.key]
        made: Mapping[str, Any] = {}
        if status.state is StageState.DONE:
            made = store.artifact(stage.key).manifest["provenance"]
        yield StageRow(stage, status.state, made.get("seconds"))


def totals(rows: Iterable[StageRow]) -> list[tuple[str, int, int, float]]:
    """(kind, stages, done, seconds) in plan order."""
    found: dict[str, list[StageRow]] = {}
    for row in rows:
        found.setdefault(row.stage.kind, []).append(row)
    return [(kind, len(of), *_summed(of)) for kind, of in found.items()]


def _summed(rows: Sequence[StageRow]) -> tuple[int, float]:
    times = [row.seconds for row in rows if row.seconds is not None]
    return sum(row.state == StageState.DONE for row in rows), sum(times)


def made_with(statuses: Mapping[str, StageStatus], store: Store) -> list[str]:
    """Package versions and machine of each run behind the artifacts, without duplicates."""
    found: dict[str, None] = {}
    for key, status in statuses.items():
        if status.state is StageState.DONE:
            made = store.artifact(key).manifest["provenance"]
            named = (f"{name} {number}" for name, number in made["versions"].items())
            found[f"{', '.join(named)}; {made['machine']}"] = None
    return list(found)


def listed_rows(rows: Sequence[StageRow]) -> list[StageRow]:
    """The rows of a page: of many stages, without those that there is one of for every score."""
    if len(rows) <= LISTED:
        return list(rows)
    return [row for row in rows if row.stage.kind not in OF_EACH_SCORE]
