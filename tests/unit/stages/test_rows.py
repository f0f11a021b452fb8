"""Predictions are written as rows would be."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xstilts.formats.tag_sequences import TagSequences
from xstilts.formats.training_spec import PredictedClass
from xstilts.stages.io.rows import (
    PREDICTIONS,
    ROW_GROUP,
    probabilities_of,
    read_rows,
    read_table,
    write_predictions,
    write_rows,
)


@pytest.mark.parametrize(
    "predictions",
    [
        ["yes", "no", "é"] * 2_000,
        [0.5, 1.0, -2.0],
        [["B-PER", "O"], [], ["O"]],
        TagSequences(("O", "B-PER"), np.array([1, 0, 0], np.int16), np.array([2, 2, 3])),
        ["answer", "", "None"],
        [[], [], []],
        [3, 1, 2],
    ],
)
def test_predictions_have_the_bytes_of_rows_with_ids(
    predictions: Sequence[Any], tmp_path: Path
) -> None:
    rows = [{"id": f"row-{number}", "text": "a"} for number in range(len(predictions))]
    write_rows(tmp_path / "rows.parquet", rows)
    together = [
        {"id": row["id"], "prediction": one} for row, one in zip(rows, predictions, strict=True)
    ]
    write_rows(tmp_path / "plain.parquet", together)
    path = tmp_path / "predictions.parquet"
    assert write_predictions(path, tmp_path / "rows.parquet", predictions) == len(rows)
    assert path.read_bytes() == (tmp_path / "plain.parquet").read_bytes()
    assert read_rows(path) == together


def test_predictions_of_other_rows_are_not_written(tmp_path: Path) -> None:
    write_rows(tmp_path / "rows.parquet", [{"id": "1"}])
    with pytest.raises(ValueError, match="2 predictions for 1 rows"):
        write_predictions(tmp_path / "p.parquet", tmp_path / "rows.parquet", ["a", "b"])
    assert not (tmp_path / "p.parquet").exists()


def test_many_predictions_are_read_as_they_were_written(tmp_path: Path) -> None:
    count = 2 * ROW_GROUP + 1
    rows = [{"id": str(number)} for number in range(count)]
    write_rows(tmp_path / "rows.parquet", rows)
    numbers = np.array([*[0] * (count - 1), 1], np.int16)
    tags = TagSequences(("O", "B-PER"), numbers, np.arange(1, count + 1))
    path = tmp_path / "predictions.parquet"
    assert write_predictions(path, tmp_path / "rows.parquet", tags) == count
    read = read_rows(path)
    assert [row["id"] for row in read] == [row["id"] for row in rows]
    assert [row["prediction"] for row in read] == list(tags)
    assert read[-1]["prediction"] == ["B-PER"]


def written(answers: Sequence[Any], folder: Path) -> Path:
    write_rows(folder / "rows.parquet", [{"id": str(number)} for number in range(len(answers))])
    write_predictions(folder / PREDICTIONS, folder / "rows.parquet", answers)
    return folder / PREDICTIONS


def test_probabilities_are_a_column_of_their_own_beside_the_predictions(tmp_path: Path) -> None:
    path = written(
        [PredictedClass("yes", 0.1234), PredictedClass("no", 1.0), PredictedClass("yes", 0.6)],
        tmp_path,
    )
    table = read_table(path)
    assert [str(field.type) for field in table.schema] == ["string", "string", "float"]
    assert table.column_names == ["id", "prediction", "probability"]
    assert table["prediction"].to_pylist() == ["yes", "no", "yes"]
    found = probabilities_of(read_table(path.read_bytes()))
    assert found is not None
    assert found.tolist() == [0.1234, 1.0, 0.6]


def test_many_answers_are_read_as_they_were_written(tmp_path: Path) -> None:
    answers = [PredictedClass(str(n % 7), n % 100 / 100) for n in range(ROW_GROUP + 5)]
    path = written(answers, tmp_path)
    found = probabilities_of(read_table(path))
    assert found is not None
    assert found.tolist() == [one.probability for one in answers]
    assert [row["prediction"] for row in read_rows(path)] == [one.prediction for one in answers]


@pytest.mark.parametrize(
    "answers", [["yes", "no"], [PredictedClass("yes", 0.5), PredictedClass("no", float("nan"))]]
)
def test_predictions_without_usable_probabilities_have_none(
    answers: Sequence[Any], tmp_path: Path
) -> None:
    assert probabilities_of(read_table(written(answers, tmp_path))) is None
