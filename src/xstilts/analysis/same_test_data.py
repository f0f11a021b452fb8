"""Whether two scores are of the same test data, so that they may be paired."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from xstilts.core.artifact import DamagedArtifact
from xstilts.core.stage import Stage
from xstilts.core.store import Store
from xstilts.formats import FORMATS
from xstilts.formats.image_text.checks import DIGESTS, IMAGES
from xstilts.planning.compile import CompiledPlan, ResultCell
from xstilts.stages.io.rows import read_rows
from xstilts.stages.prepare import ROWS

PREPARE, TRAIN = "prepare", "train"
RECENT = 8
"""Sets of rows that are kept in memory."""


@dataclass(frozen=True, eq=False)
class ScoredRun:
    """A cell with its plan and its store."""

    cell: ResultCell
    compiled: CompiledPlan
    store: Store

    @property
    def stage(self) -> Stage:
        """The stage that scores it."""
        return self.compiled.plan.by_key[self.cell.key]

    @property
    def rows(self) -> str:
        """Key of the scored rows; empty for a search between two languages."""
        return self.stage.inputs.get("rows", "")

    @property
    def sources(self) -> frozenset[str]:
        """Keys of all prepared test data behind the score."""
        return frozenset(_prepared(self.stage, self.compiled.plan.by_key))


def _prepared(stage: Stage, by_key: Mapping[str, Stage]) -> set[str]:
    keys: set[str] = set()
    for key in stage.inputs.values():
        source = by_key.get(key)
        if source is None or source.kind == TRAIN:
            continue
        keys |= {key} if source.kind == PREPARE else _prepared(source, by_key)
    return keys


def pairing_problem(a: ScoredRun, b: ScoredRun, metric: str) -> str:
    """Why two scores cannot be paired; empty if they can.

    Rows of one id must be equal: a text or a gold answer that differs is other test data. One set
    may have more rows than the other, but what a retrieval searches must be the same.
    """
    if a.cell.split != b.cell.split:
        return f"different splits: {a.cell.split} and {b.cell.split}"
    if (a.stage.kind, a.stage.version) != (b.stage.kind, b.stage.version):
        return "scored by different versions of a stage"
    versions = [run.stage.params.get("metrics", {}).get(metric) for run in (a, b)]
    if versions[0] != versions[1]:
        return f"different versions of {metric}"
    if a.sources == b.sources and a.rows == b.rows:
        return ""
    spec = FORMATS.get(a.stage.params["format"])
    if spec.search:
        return "different test data: the sentences that are searched differ"
    try:
        names_answer = spec.gold is not None and spec.gold.column == IMAGES
        of_a, of_b = (_texts(run.store, run.rows, names_answer) for run in (a, b))
    except DamagedArtifact as error:
        return f"test data cannot be read: {error.args[0].splitlines()[0]}"
    problem = _difference(of_a, of_b)
    if not problem and spec.searches_test_set and of_a.keys() != of_b.keys():
        return "different test data: the examples that are searched differ"
    return problem


def _difference(a: Mapping[str, str], b: Mapping[str, str]) -> str:
    common = [name for name in a if name in b]
    if not common:
        return "different test data: no common ids"
    other = [name for name in common if a[name] != b[name]]
    if not other:
        return ""
    return (
        f"different test data: {len(other)} of {len(common)} common ids have another text or gold "
        f"answer, such as {other[0]}"
    )


@lru_cache(maxsize=RECENT)
def _texts(store: Store, key: str, names_answer: bool) -> Mapping[str, str]:
    """Id → row as text.

    Args:
        names_answer: whether the names of images are gold answers. Otherwise images are compared by
            their digests: of images with the same bytes, the name depends on the limit of rows.
    """
    rows: list[dict[str, Any]] = read_rows(store.read(key, ROWS))
    for row in rows:
        if DIGESTS in row and not names_answer:
            del row[IMAGES]
    return {str(row["id"]): repr(sorted(row.items())) for row in rows}
