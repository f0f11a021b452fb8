"""The format `regression`: scores of files, bad rows, loss, baseline and constant predictions."""

from __future__ import annotations

import csv
import json
import math
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from xstilts.config.file_task import FileTask
from xstilts.core.errors import ConfigError
from xstilts.formats.base import Feature
from xstilts.formats.regression import REGRESSION, ScoredText
from xstilts.tasks.base import TaskSpec
from xstilts.tasks.row_problems import RowProblems
from xstilts.tasks.user_tasks import file_task
from xstilts.tasks.validate import filter_rows

TRAINING = REGRESSION.training
assert TRAINING is not None


def made(folder: Path, ending: str = "jsonl", **changes: Any) -> TaskSpec:
    settings = {
        "format": "regression",
        "files": f"{{split}}.{ending}",
        "splits": {"train": ("en",), "test": ("en",)},
    }
    return file_task("mine", FileTask.model_validate(settings | changes), folder)


def filtered(
    folder: Path, scores: list[Any], split: str = "train", **changes: Any
) -> tuple[list[Any], RowProblems]:
    rows = [{"text": f"text {n}", "score": score} for n, score in enumerate(scores)]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (folder / f"{split}.jsonl").write_text(text, encoding="utf-8")
    task = made(folder, **changes)
    kept, problems, _ = filter_rows(task.read(split, "en"), task, split)
    return kept, problems


@pytest.mark.parametrize("cell", [3, 3.0, "3", " 3.0 ", "+3", "30e-1"])
def test_numbers_and_numbers_as_text_are_scores(tmp_path: Path, cell: Any) -> None:
    kept, _ = filtered(tmp_path, [cell])
    assert [example.score for example in kept] == [3.0]


@pytest.mark.parametrize(
    "cell", ["", None, math.nan, math.inf, "nan", "inf", "1e999", True, "true", "3,5", "1_0", [3]]
)
def test_other_cells_are_bad_rows_with_file_and_line(tmp_path: Path, cell: Any) -> None:
    kept, problems = filtered(tmp_path, [1, cell, 2.5])
    assert [example.score for example in kept] == [1.0, 2.5]
    assert problems.first[0].startswith(f"{tmp_path}/train.jsonl:2: ")


@pytest.mark.parametrize("ending", ["tsv", "csv", "parquet"])
def test_scores_are_read_from_every_table(tmp_path: Path, ending: str) -> None:
    rows, path = [("one", "two", "1.5"), ("three", "four", "x")], tmp_path / f"train.{ending}"
    if ending == "parquet":
        names = ("text", "text_pair", "score")
        pq.write_table(pa.table(dict(zip(names, zip(*rows, strict=True), strict=True))), path)
    else:
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, delimiter="\t" if ending == "tsv" else ",").writerows(rows)
    columns = () if ending == "parquet" else ("text", "text_pair", "score")
    task = made(tmp_path, ending, columns=columns)
    kept, problems, total = filter_rows(task.read("train", "en"), task, "train")
    assert [(row.text, row.text_pair, row.score) for row in kept] == [("one", "two", 1.5)]
    assert total == 2
    assert problems.first[0].startswith(f"{path}:2: ")


def test_typed_numbers_of_parquet_are_scores(tmp_path: Path) -> None:
    columns = {"text": ["a", "b"], "score": [Decimal("1.5"), Decimal("2.25")]}
    pq.write_table(pa.table(columns), tmp_path / "train.parquet")
    task = made(tmp_path, "parquet")
    assert sorted(row.score for row in task.read("train", "en")) == [1.5, 2.25]  # type: ignore[union-attr]


def test_scores_outside_the_bounds_are_bad_rows(tmp_path: Path) -> None:
    kept, problems = filtered(tmp_path, [0, 5, 5.1, -1], bounds=(0, 5))
    assert [example.score for example in kept] == [0.0, 5.0]
    assert problems.left_out == {"score outside the bounds": 2}
    assert "train.jsonl:3: score outside the bounds: 5.1, not 0 to 5" in problems.first[0]


def test_bounds_and_labels_are_refused_where_they_mean_nothing(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        made(tmp_path, format="classification", labels=("a", "b"), bounds=(0, 1))
    assert caught.value.where == "tasks.mine.bounds"
    with pytest.raises(ConfigError) as caught:
        made(tmp_path, labels=("1", "2"))
    assert caught.value.where == "tasks.mine.labels"
    with pytest.raises(ConfigError) as caught:
        made(tmp_path, label_map={"a": "1"})
    assert caught.value.where == "tasks.mine.label_map"


def test_blank_test_scores_are_kept_and_not_scored(tmp_path: Path) -> None:
    kept, problems = filtered(tmp_path, [1, None, 2], "test")
    assert [math.isnan(example.score) for example in kept] == [False, True, False]
    assert not problems.left_out
    gold = [example.score for example in kept]
    assert not REGRESSION.gold_is_blank(gold)
    assert [REGRESSION.row_is_blank(score, ()) for score in gold] == [False, True, False]


def test_removed_and_dummy_scores_are_blank() -> None:
    assert REGRESSION.gold_is_blank([math.nan] * 3)
    assert REGRESSION.gold_is_blank([-1.0] * 20)
    assert not REGRESSION.gold_is_blank([-1.0] * 20 + [2.0])


def test_the_loss_is_the_mean_squared_error_of_transformers() -> None:
    from transformers import RobertaConfig, RobertaForSequenceClassification

    size = {"hidden_size": 8, "num_attention_heads": 2, "intermediate_size": 8}
    model = RobertaForSequenceClassification(
        RobertaConfig(num_labels=1, num_hidden_layers=1, vocab_size=30, **size)
    ).eval()
    gold = [1.5, -100.0, 4.0]  # -100 stands for no label in other formats
    ids = torch.arange(4, 16).view(3, 4)
    output = model(input_ids=ids, labels=torch.tensor(gold))
    features = [Feature(str(n), [0], [0], target) for n, target in enumerate(gold)]
    targets = TRAINING.targets(features, 1)
    ours = TRAINING.loss(output.logits, targets) / TRAINING.count(targets)
    assert float(ours) == pytest.approx(float(output.loss), rel=1e-6)
    assert all(map(TRAINING.is_target, gold))
    assert not TRAINING.is_target(math.nan)


def test_the_majority_baseline_predicts_the_mean() -> None:
    assert REGRESSION.baseline is not None
    assert REGRESSION.baseline.answer([1.0, 2.0, 4.5]) == 2.5


def test_equal_predictions_are_a_collapse() -> None:
    gold = [1.0, 2.0, 3.0]
    assert TRAINING.collapsed(gold, [2.0, 2.0, 2.0])
    assert not TRAINING.collapsed(gold, [2.0, 2.1, 2.0])
    assert not TRAINING.collapsed([2.0, 2.0], [2.0, 2.0])


def test_withheld_input_is_the_second_text_alone() -> None:
    row = {"id": "1", "text": "a", "text_pair": "b", "score": 1.0}
    assert REGRESSION.input_only is not None
    assert REGRESSION.input_only(row) == {**row, "text": "b", "text_pair": None}
    assert REGRESSION.content(ScoredText("1", "a", 1.0, "b")) == ("a", "b")
