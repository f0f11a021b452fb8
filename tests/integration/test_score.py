"""Predictions that were made elsewhere get the scores that xstilts gives its own."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal
from unicodedata import normalize

import pandas as pd
import pytest
from typer.testing import CliRunner

import xstilts
from xstilts.api.score_predictions import write_template
from xstilts.cli.app import app
from xstilts.core.errors import ConfigError, DataError, UnknownNameError
from xstilts.core.store import Store
from xstilts.stages.io.rows import PREDICTIONS, read_rows

Write = Callable[[str, list[dict[str, Any]]], Path]


def own_predictions(finished: Path, language: str) -> tuple[list[dict[str, Any]], float]:
    """The predictions of the store's baseline for toy-kind, and their accuracy."""
    table = xstilts.results(None, finished)
    chosen = table[
        (table["target"] == "toy-kind")
        & (table["intermediate"] == "none")
        & (table["language"] == language)
    ]
    store = Store(finished)
    inputs = store.artifact(chosen["key"].item()).manifest["stage"]["inputs"]
    return read_rows(store.artifact(inputs["predictions"]) / PREDICTIONS), chosen["value"].item()


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes rows to a file of the format that its ending says."""

    def written(name: str, rows: list[dict[str, Any]]) -> Path:
        path = tmp_path / name
        frame = pd.DataFrame(rows)
        if path.suffix == ".parquet":
            frame.to_parquet(path)
        elif path.suffix == ".jsonl":
            path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        elif path.suffix == ".json":
            path.write_text(json.dumps(rows))
        else:
            frame.to_csv(path, sep="\t" if path.suffix == ".tsv" else ",", index=False)
        return path

    return written


@pytest.mark.parametrize("ending", ["jsonl", "json", "tsv", "csv", "parquet"])
def test_every_kind_of_file_gives_the_score_of_the_store(
    finished: Path, toy_file: Path, write: Write, ending: str
) -> None:
    rows, accuracy = own_predictions(finished, "xx")
    path = write(f"xx.{ending}", rows[::-1])
    scores = xstilts.score_predictions(path, "toy-kind", languages=["xx"], experiment=toy_file)
    assert scores["value"].tolist() == [pytest.approx(accuracy)]
    assert scores["low"].item() < accuracy < scores["high"].item()
    assert scores["n"].item() == len(rows)


def test_languages_come_from_file_names_or_a_column(
    finished: Path, toy_file: Path, write: Write
) -> None:
    own = {code: own_predictions(finished, code) for code in ("en", "xx")}
    expected = [pytest.approx(accuracy) for _, accuracy in own.values()]
    for code, (rows, _) in own.items():
        write(f"mine-{code}.jsonl", rows)
    pattern = write("both.jsonl", []).with_name("mine-{language}.jsonl")
    scores = xstilts.score_predictions(pattern, "toy-kind", experiment=toy_file)
    assert scores["value"].tolist() == expected
    both = [{**row, "language": code} for code, (rows, _) in own.items() for row in rows]
    path = write("both.jsonl", both)
    scores = xstilts.score_predictions(path, "toy-kind", experiment=toy_file)
    assert scores["language"].tolist() == ["en", "xx"]
    assert scores["value"].tolist() == expected
    with pytest.raises(ConfigError, match="--language"):
        xstilts.score_predictions(
            pattern.with_name("mine-en.jsonl"), "toy-kind", experiment=toy_file
        )


def broken(rows: list[dict[str, Any]], what: str) -> list[dict[str, Any]]:
    """Rows with one thing wrong in the second."""
    changed = [dict(row) for row in rows]
    if what == "unknown":
        changed[1]["id"] = "no-such-id"
    elif what == "twice":
        changed[1]["id"] = changed[0]["id"]
    elif what == "label":
        changed[1]["prediction"] = "plant"
    elif what == "empty":
        changed[1]["prediction"] = ""
    elif what == "column":
        changed[1]["label"] = changed[1].pop("prediction")
    else:
        del changed[1]
    return changed


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("unknown", r"bad\.jsonl:2: 'no-such-id'"),
        ("twice", r"bad\.jsonl:2"),
        ("label", r"bad\.jsonl:2.*'plant'"),
        ("empty", r"bad\.jsonl:2.*empty"),
        ("column", r"bad\.jsonl:2.*'prediction'"),
        ("missing", r"1 of 30 examples"),
    ],
)
def test_a_wrong_row_is_refused_with_its_line(
    finished: Path, toy_file: Path, write: Write, what: str, message: str
) -> None:
    rows, _ = own_predictions(finished, "xx")
    path = write("bad.jsonl", broken(rows, what))
    with pytest.raises(DataError, match=message):
        xstilts.score_predictions(path, "toy-kind", languages=["xx"], experiment=toy_file)


def test_predictions_of_another_language_are_named(
    finished: Path, toy_file: Path, write: Write
) -> None:
    rows, _ = own_predictions(finished, "xx")
    path = write("de.jsonl", [{**row, "language": "de"} for row in rows])
    with pytest.raises(DataError, match=r"toy-kind test \(xx\).*`language` has de"):
        xstilts.score_predictions(path, "toy-kind", languages=["xx"], experiment=toy_file)


@pytest.mark.parametrize(("form", "other"), [("NFC", "NFD"), ("NFD", "NFC")])
def test_another_normal_form_of_a_label_or_id_is_named(
    form: Literal["NFC", "NFD"],
    other: Literal["NFC", "NFD"],
    toy_file: Path,
    tmp_path: Path,
    write: Write,
) -> None:
    rows = [{"id": f"é{n}", "text": f"t {n}", "label": ("ja", "né")[n % 2]} for n in range(4)]
    rows = [{name: normalize(form, cell) for name, cell in row.items()} for row in rows]
    write("gold-test-en.jsonl", rows)
    experiment = tmp_path / "e.yaml"
    task: dict[str, Any] = {"format": "classification", "files": "gold-{split}-{language}.jsonl"}
    task |= {"splits": {"test": ["en"]}, "labels": ["ja", normalize(form, "né")]}
    task_text = json.dumps({"gold": task})
    experiment.write_text(f"extends: {toy_file}\nname: forms\ntasks: {task_text}\n")
    right = [{"id": row["id"], "prediction": row["label"]} for row in rows]
    path = write("right.jsonl", right)
    assert set(xstilts.score_predictions(path, "gold", experiment=experiment)["value"]) == {1.0}
    for name in ("id", "prediction"):
        path = write("wrong.jsonl", [{**row, name: normalize(other, row[name])} for row in right])
        with pytest.raises(DataError, match=f"in the Unicode form {other}, not {form}"):
            xstilts.score_predictions(path, "gold", experiment=experiment)
    write("gold-test-en.jsonl", [{**row, "label": normalize(other, row["label"])} for row in rows])
    with pytest.raises(DataError, match=f"in the Unicode form {other}, not {form}"):
        xstilts.score_predictions(path, "gold", experiment=experiment)


def test_a_completed_template_is_scored(toy_file: Path, tmp_path: Path) -> None:
    path = tmp_path / "tags.jsonl"
    count = write_template(path, "toy-tags", languages=["xx"], experiment=toy_file)
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert len(rows) == count == 30
    assert rows[0]["prediction"] is None
    assert "tags" not in rows[0]
    for row in rows:
        row["prediction"] = ["O"] * len(row["tokens"])
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    scores = xstilts.score_predictions(path, "toy-tags", experiment=toy_file)
    assert scores["value"].tolist() == [0.0]
    rows[2]["prediction"].append("O")
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    with pytest.raises(DataError, match=r"tags\.jsonl:3.*tags for the"):
        xstilts.score_predictions(path, "toy-tags", experiment=toy_file)


def test_tasks_without_values_and_unknown_names_are_refused(toy_file: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="xstilts evaluate"):
        xstilts.score_predictions(tmp_path / "x.jsonl", "toy-search", experiment=toy_file)
    with pytest.raises(UnknownNameError):
        xstilts.score_predictions(tmp_path / "x.jsonl", "toy-kin", experiment=toy_file)
    with pytest.raises(UnknownNameError):
        xstilts.score_predictions(
            tmp_path / "x.jsonl", "toy-kind", languages=["de"], experiment=toy_file
        )
    with pytest.raises(DataError, match="ending"):
        xstilts.score_predictions(
            tmp_path / "x.docx", "toy-kind", languages=["en"], experiment=toy_file
        )


def test_the_command_prints_a_table_and_json(finished: Path, toy_file: Path, write: Write) -> None:
    rows, accuracy = own_predictions(finished, "xx")
    path = write("xx.jsonl", rows)
    arguments = [
        "score",
        str(path),
        "--task",
        "toy-kind",
        "-l",
        "xx",
        "--experiment",
        str(toy_file),
    ]
    table = CliRunner().invoke(app, arguments)
    assert table.exit_code == 0, table.output
    assert f"{100 * accuracy:.1f}" in table.stdout
    shown = json.loads(CliRunner().invoke(app, [*arguments, "--json"]).stdout)
    assert shown[0]["value"] == pytest.approx(accuracy)
