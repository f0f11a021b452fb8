"""Scores of different test data are not paired."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from xstilts.analysis.same_test_data import ScoredRun, pairing_problem
from xstilts.core.plan import Plan
from xstilts.core.stage import Stage
from xstilts.core.store import Store
from xstilts.planning.compile import CompiledPlan, ResultCell
from xstilts.stages.io.rows import write_rows
from xstilts.stages.prepare import ROWS

ROWS_OF = {
    "classification": {"text": "a", "label": "b"},
    "dual_encoder": {"query": "a", "passage": "b", "context": ""},
    "image_retrieval": {"text": "a", "images": ["b"]},
    "image_question": {"question": "a", "label": "b"},
    "answer_retrieval": {"text": "a", "key": "b"},
}


def scored(folder: Path, form: str, count: int, pool: int, **columns: Any) -> ScoredRun:
    """A score of rows, and of a pool that is searched for them.

    Args:
        count: of the rows; pool: of candidates, which formats that are trained do not have.
        columns: of each row, in place of those of its format.
    """
    store = Store(folder).prepare()
    rows = Stage("prepare", 1, {"count": count, **columns})
    searched = Stage("prepare", 1, {"pool": pool})
    with store.staging(rows.key) as staged:
        row = {**ROWS_OF[form], **columns}
        write_rows(staged / ROWS, [{"id": str(one), **row} for one in range(count)])
        store.publish(rows, staged, {}, {})
    sources = {"rows": rows.key} | ({"rows:pool": searched.key} if pool else {})
    predicted = Stage("predict", 1, {}, sources)
    metrics: Mapping[str, Any] = {"own": 1}
    score = Stage(
        "score", 1, {"format": form, "metrics": metrics},
        {"rows": rows.key, "predictions": predicted.key},
    )  # fmt: skip
    cell = ResultCell("e", "none", "t", "de", "test", 0, ("own",), score.key, (), False)
    plan = Plan.of([rows, searched, predicted, score])
    return ScoredRun(cell, CompiledPlan(plan, (cell,)), store)


@pytest.mark.parametrize(
    ("form", "other", "paired"),
    [
        ("classification", (5, 0), True),
        ("dual_encoder", (5, 0), False),
        ("image_retrieval", (5, 0), False),
        ("answer_retrieval", (5, 2), False),
        ("answer_retrieval", (3, 4), False),
        ("answer_retrieval", (3, 2), True),
        ("image_retrieval", (3, 0), True),
    ],
)
def test_a_part_of_what_is_searched_is_other_test_data(
    tmp_path: Path, form: str, other: tuple[int, int], paired: bool
) -> None:
    pool = 2 if form == "answer_retrieval" else 0
    runs = scored(tmp_path / "a", form, 3, pool), scored(tmp_path / "b", form, *other)
    assert (pairing_problem(*runs, "own") == "") is paired


@pytest.mark.parametrize(
    ("form", "digest", "paired"),
    [
        ("image_question", "1", True),
        ("image_question", "2", False),
        ("image_retrieval", "1", False),
    ],
)
def test_images_are_compared_by_their_bytes_unless_their_names_are_answers(
    tmp_path: Path, form: str, digest: str, paired: bool
) -> None:
    one = scored(tmp_path / "a", form, 3, 0, images=["b"], image_digests=["1"])
    other = scored(tmp_path / "b", form, 3, 0, images=["c"], image_digests=[digest])
    assert (pairing_problem(one, other, "own") == "") is paired
