"""What makes a submission incomplete, and the order of Tatoeba's English lines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from xstilts.core.plan import Plan
from xstilts.core.stage import Stage
from xstilts.core.store import Store
from xstilts.planning.compile import CompiledPlan, ResultCell
from xstilts.reports.xtreme.write import LeaderboardSubmission, write_submissions
from xstilts.stages.io.rows import write_rows


def submitted(
    folder: Path, problems: dict[str, int], dev_problems: dict[str, int], available: int = 2
) -> LeaderboardSubmission:
    """A submission of PAN-X's English test set by a model with a test set as its dev set."""
    store = Store(folder / "store").prepare()

    def publish(stage: Stage, facts: dict[str, Any], name: str, rows: list[Any]) -> Stage:
        with store.staging(stage.key) as made:
            write_rows(made / name, rows)
            store.publish(stage, made, facts, {})
        return stage

    def prepared(task: str, counts: dict[str, int], total: int) -> Stage:
        params = {"task": task, "split": "test", "language": "en"}
        facts = {"rows": 2, "available": total, "problems": counts}
        return publish(Stage("prepare", 1, params), facts, "rows.parquet", [{"id": "test-0"}])

    rows = prepared("pan-x", problems, available)
    dev = prepared("snli", dev_problems, 9)
    model = publish(Stage("train", 1, {}, {"dev:snli:en": dev.key}), {}, "log.parquet", [{"a": 1}])
    predictions = [{"id": f"test-{n}", "prediction": ["O"]} for n in range(2)]
    inputs = {"rows": rows.key, "model": model.key}
    predicted = publish(Stage("predict", 1, {}, inputs), {}, "predictions.parquet", predictions)
    score = Stage("score", 1, {}, {"predictions": predicted.key, "rows": rows.key})
    cell = ResultCell(
        *("tiny", "none", "pan-x", "en", "test", 0), ("f1",), score.key, (model.key,), False
    )
    plan = Plan.of([rows, dev, model, predicted, score])
    (made,) = write_submissions(CompiledPlan(plan, (cell,)), store, folder / "out")
    return made


def reasons(made: LeaderboardSubmission) -> list[str]:
    return [text for text in made.problems if text.startswith("panx (en)")]


@pytest.mark.parametrize(
    "kept",
    [
        {},
        {"I- tag without its B-, kept": 5, "duplicate row, kept": 2},
        {"blank label, kept and not scored": 1},
    ],
)
def test_kept_rows_and_data_of_trainings_make_no_gap(tmp_path: Path, kept: dict[str, int]) -> None:
    assert reasons(submitted(tmp_path, kept, {"empty text": 3})) == []


def test_rows_of_the_test_set_itself_that_are_missing_make_a_gap(tmp_path: Path) -> None:
    (reason,) = reasons(submitted(tmp_path, {"empty word": 1}, {}))
    assert "empty word 1" in reason
    (reason,) = reasons(submitted(tmp_path / "limited", {}, {}, available=3))
    assert "2 of 3 rows" in reason


def test_english_lines_are_sorted_without_outer_spaces(tmp_path: Path) -> None:
    """XTREME strips each line and sorts then: a leading blank changes no position."""
    from xstilts.reports.xtreme.write import _alphabetical

    store = Store(tmp_path).prepare()
    english = Stage("prepare", 1, {})
    texts = {"0": "b", "1": "  a", "2": "a\t", "3": "\u00a0c"}
    with store.staging(english.key) as folder:
        rows = [{"id": name, "text": text} for name, text in texts.items()]
        write_rows(folder / "rows.parquet", rows)
        store.publish(english, folder, {}, {})
    queries = [{"id": name, "direction": "from_en"} for name in texts]
    assert [row["id"] for row in _alphabetical(queries, english.key, store)] == ["1", "2", "0", "3"]
