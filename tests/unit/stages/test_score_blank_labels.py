"""Scores of test sets in which some gold answers are blank."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from xstilts.core.errors import DataError
from xstilts.core.stage import Stage
from xstilts.core.store import Store
from xstilts.executors.worker import execute_stage
from xstilts.stages.io.rows import read_rows, write_rows


def scored(
    folder: Path, rows: list[dict[str, Any]], predicted: list[Any], form: str, **params: Any
) -> dict[str, Any]:
    """metric → value and n."""
    store = Store(folder).prepare()
    named = [{"id": str(n), **row} for n, row in enumerate(rows)]
    answers = [{"id": str(n), "prediction": answer} for n, answer in enumerate(predicted)]
    prepare, predict = (
        Stage("prepare", 1, {}),
        Stage("predict", 1, {"labels": ["a", "b"], **params}),
    )
    contents = ((prepare, "rows.parquet", named), (predict, "predictions.parquet", answers))
    for stage, name, content in contents:
        with store.staging(stage.key) as made:
            write_rows(made / name, content)
            store.publish(stage, made, {}, {})
    metric = {"classification": "accuracy", "tagging": "tag_accuracy"}.get(form, "exact_match")
    inputs = {"rows": prepare.key, "predictions": predict.key}
    stage = Stage("score", 3, {"format": form, "metrics": {metric: 1}}, inputs, label="score")
    artifact = execute_stage(store, stage, lambda _: None)
    found: dict[str, Any] = json.loads((artifact / "scores.json").read_text())[metric]
    return found


def test_a_blank_label_is_left_out_of_the_score(tmp_path: Path) -> None:
    rows = [{"label": label} for label in ("a", "", "b", "a")]
    found = scored(tmp_path, rows, ["a", "a", "b", "b"], "classification")
    assert found == {"value": pytest.approx(2 / 3), "n": 3}


def test_a_sentence_with_blank_tags_is_left_out(tmp_path: Path) -> None:
    rows = [{"tags": tags} for tags in (["a", "b"], ["", ""], ["a", ""], ["b"])]
    found = scored(tmp_path, rows, [["a", "b"], ["a", "a"], ["b", "b"], ["a"]], "tagging")
    assert found == {"value": pytest.approx(2 / 3), "n": 2}


@pytest.mark.parametrize(("labels", "n"), [([], 2), (["unanswerable"], 3)])
def test_a_blank_answer_is_an_answer_only_where_there_may_be_none(
    tmp_path: Path, labels: list[str], n: int
) -> None:
    rows = [{"answers": ["cat"]}, {"answers": [""]}, {"answers": ["dog"]}]
    found = scored(tmp_path, rows, ["cat", "", "dog"], "span", labels=labels)
    assert (found["value"], found["n"]) == (1, n)


def test_labels_that_are_all_blank_are_not_scored(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="blank"):
        scored(tmp_path, [{"label": ""}, {"label": " "}], ["a", "a"], "classification")


@pytest.mark.parametrize("form", ["tagging", "classification"])
def test_statistics_have_the_bytes_of_rows(tmp_path: Path, form: str) -> None:
    rows = [{"tags": ["a", "b"]}, {"tags": ["b"]}] * 40
    predicted: list[Any] = [["a", "a"], ["b"]] * 40
    if form == "classification":
        rows, predicted = [{"label": "a"}, {"label": "b"}] * 40, ["a", "a"] * 40  # type: ignore[dict-item]
    scored(tmp_path, rows, predicted, form)
    (path,) = tmp_path.rglob("statistics.parquet")
    read = read_rows(path)
    assert read[0].keys() == {"metric", "id", "statistics"}
    write_rows(tmp_path / "plain.parquet", read)
    assert path.read_bytes() == (tmp_path / "plain.parquet").read_bytes()
