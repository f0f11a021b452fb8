"""Retrieval in a submission: pairs above the threshold tuned on dev, and nearest lines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from xstilts.core.errors import ConfigError
from xstilts.core.plan import Plan
from xstilts.core.stage import Stage
from xstilts.core.store import Store
from xstilts.planning.compile import CompiledPlan, ResultCell
from xstilts.reports.xtreme.write import LeaderboardSubmission, write_submissions
from xstilts.stages.io.rows import write_rows

MINED = [
    {"id": "de-9", "prediction": "en-9", "score": 1.9, "repeated": True},
    {"id": "de-3", "prediction": "en-1", "score": 1.3, "repeated": False},
    {"id": "de-1", "prediction": "en-2", "score": 1.1, "repeated": False},
    {"id": "de-2", "prediction": "en-3", "score": 0.9, "repeated": False},
]
SEARCHED = [
    {"id": "1", "direction": "from_en", "prediction": "0", "rank": 1},
    {"id": "0", "direction": "from_en", "prediction": "1", "rank": 2},
    {"id": "0", "direction": "to_en", "prediction": "1", "rank": 2},
]


def publish(store: Store, stage: Stage, rows: list[dict[str, Any]], facts: dict[str, Any]) -> Stage:
    with store.staging(stage.key) as folder:
        write_rows(folder / "predictions.parquet", rows)
        store.publish(stage, folder, facts, {})
    return stage


def store_english(store: Store) -> Stage:
    """English sentences whose alphabetical order is not that of their lines."""
    stage = Stage("prepare", 1, {"task": "x", "split": "dev", "language": "en"})
    rows = [{"id": "0", "text": "b"}, {"id": "1", "text": "a"}]
    with store.staging(stage.key) as folder:
        write_rows(folder / "rows.parquet", rows)
        store.publish(stage, folder, {}, {})
    return stage


def submitted(
    tmp_path: Path,
    target: str,
    language: str,
    rows: list[dict[str, Any]],
    facts: dict[str, Any],
    available: int = 3,
) -> LeaderboardSubmission:
    """A submission of one language; `facts` are those of what was mined; nothing is scored."""
    store = Store(tmp_path / "store").prepare()
    params = {"task": target, "split": "test", "language": language}
    counts = {"rows": 3, "available": available, "problems": {"duplicate row, kept": 1}}
    gold = publish(store, Stage("prepare", 1, params), [{"id": "0"}], counts)
    english = store_english(store)
    sides = {"rows:here": gold.key, "rows:english": english.key}
    found = publish(store, Stage("search", 1, {}, sides), rows, facts)
    score = Stage("score", 1, {}, {"predictions": found.key, "rows:english": english.key})
    cell = ResultCell(
        *("tiny", "squad > mnli", target, language, "test", 7), ("f1",), score.key, (), False
    )
    compiled = CompiledPlan(Plan.of([gold, english, found, score]), (cell,))
    (made,) = write_submissions(compiled, store, tmp_path / "out")
    return made


def test_mined_pairs_above_the_threshold_are_written(tmp_path: Path) -> None:
    made = submitted(tmp_path, "bucc", "de", MINED, {"threshold": 1.1})
    assert made.folder == tmp_path / "out" / "tiny" / "squad-then-mnli" / "seed-7"
    text = (made.folder / "bucc2018/test-de.tsv").read_text()
    assert text == "de-3\ten-1\nde-1\ten-2\n"
    assert "bucc2018 (fr ru zh): not among the experiment's languages: add it and run again" in (
        made.problems
    )


def test_the_nearest_line_number_is_written_for_each_english_line(tmp_path: Path) -> None:
    made = submitted(tmp_path, "tatoeba", "jv", SEARCHED, {}, available=5)
    assert (made.folder / "tatoeba/test-jv.tsv").read_text() == "0\n1\n"
    assert (
        "tatoeba (jv): 3 of 5 rows: run without `limits.test` and without `task_limits` on test"
        in made.problems
    )


def test_no_pairs_are_written_without_a_threshold(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nothing to submit") as caught:
        submitted(tmp_path, "bucc", "de", MINED, {})
    assert "bucc2018: mined, but the threshold is unknown" in str(caught.value)
