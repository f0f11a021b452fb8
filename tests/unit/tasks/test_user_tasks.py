"""User-defined tasks: valid rows, and every kind of invalid one named with file and line."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from xstilts.config.file_task import FileTask
from xstilts.core.errors import ConfigError, DataError
from xstilts.formats.classification import CLASSIFICATION, TextExample
from xstilts.formats.tagging import TAGGING, TaggedExample
from xstilts.tasks.base import TaskSpec
from xstilts.tasks.origin import hub_origin
from xstilts.tasks.user_tasks import file_task
from xstilts.tasks.validate import validated

SPLITS = {"train": ("en",), "dev": ("en",), "test": ("en",)}


def task(folder: Path, text: str, ending: str = "tsv", **changes: object) -> TaskSpec:
    (folder / f"train-en.{ending}").write_bytes(text.encode())
    settings = {
        "format": "classification",
        "files": f"{{split}}-{{language}}.{ending}",
        "splits": SPLITS,
        "columns": ("text", "label"),
        "labels": ("a", "b"),
    }
    return file_task("mine", FileTask.model_validate(settings | changes), folder)


def read(made: TaskSpec) -> list[object]:
    examples, _ = validated(made.read("train", "en"), made, "train", "en")
    return list(examples)


def complaint(made: TaskSpec) -> str:
    with pytest.raises(DataError) as caught:
        read(made)
    return str(caught.value)


def test_tsv_with_byte_order_mark_and_crlf_is_read(tmp_path: Path) -> None:
    found = read(task(tmp_path, "\ufeffone\ta\r\ntwo\tb\r\n"))
    assert [(e.text, e.label) for e in found] == [("one", "a"), ("two", "b")]  # type: ignore[attr-defined]


def test_jsonl_with_ids_and_lists_is_read(tmp_path: Path) -> None:
    row = {"id": "x", "tokens": ["a", "b"], "tags": ["O", "B-q"]}
    made = task(
        tmp_path, json.dumps(row) + "\n", "jsonl", format="tagging", columns=(), labels=("O", "B-q")
    )
    (found,) = read(made)
    assert isinstance(found, TaggedExample)
    assert (found.id, found.tokens, found.tags) == ("x", ("a", "b"), ("O", "B-q"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("one\ta\ntwo\n", ["train-en.tsv:2", "wrong number of columns: 1 cell, expected 2"]),
        ("one\tc\n", ["train-en.tsv:1", "label outside the set", "'c'"]),
        ("one\t\n", ["label outside the set"]),
        (" \ta\n", ["train-en.tsv:1", "empty text"]),
        ("\n\n", ["train-en.tsv", "has no rows"]),
        ("one,a\ntwo,b\n", ["train-en.tsv:1", "if commas separate the cells, name the file .csv"]),
        ("a\0b\ta\n", ["NUL character"]),
    ],
)
def test_bad_rows_are_named_with_file_and_line(
    tmp_path: Path, text: str, message: list[str]
) -> None:
    found = complaint(task(tmp_path, text))
    for part in message:
        assert part in found


def test_other_malformed_files_are_rejected(tmp_path: Path) -> None:
    made = task(tmp_path, "")
    (tmp_path / "train-en.tsv").write_bytes(b"one\ta\n\xff\ta\n")
    assert "train-en.tsv:2" in complaint(made)
    (tmp_path / "train-en.tsv").unlink()
    assert "no file" in complaint(made)
    assert ":1" in complaint(task(tmp_path, "{", "jsonl"))
    assert "not a JSON object" in complaint(task(tmp_path, "[]", "jsonl"))
    assert "no label in the row" in complaint(task(tmp_path, '{"text": "x"}', "jsonl"))
    tagging = {"format": "tagging", "columns": ("tokens", "tags"), "labels": ("O",)}
    assert "differ in number" in complaint(task(tmp_path, "a b\tO\n", **tagging))


def test_a_few_bad_rows_are_skipped_and_counted(tmp_path: Path) -> None:
    lines = [f"text {number}\t{'ab'[number % 2]}" for number in range(39)]
    made = task(tmp_path, "\n".join([*lines, "text\tc"]))
    kept, complaints = validated(made.read("train", "en"), made, "train", "en")
    assert len(kept) == 39
    assert complaints.counts == {"label outside the set": 1}
    assert "train-en.tsv:40" in complaints.first[0]


@pytest.mark.parametrize("split", ["train", "dev", "test"])
def test_duplicate_rows_are_kept_and_counted(tmp_path: Path, split: str) -> None:
    made = task(tmp_path, "one\ta\none\ta\n")
    kept, complaints = validated(made.read("train", "en"), made, split, "en")
    assert len(kept) == 2
    assert complaints.counts == {"duplicate row, kept": 1}
    assert "train-en.tsv:2" in complaints.first[0]


def test_duplicate_ids_are_rejected(tmp_path: Path) -> None:
    made = task(tmp_path, "x\tone\ta\nx\ttwo\tb\n", columns=("id", "text", "label"))
    assert "duplicate id" in complaint(made)


def test_null_is_blank_and_structures_are_not_text(tmp_path: Path) -> None:
    made = task(tmp_path, '{"text": "x", "label": null}', "jsonl")
    kept, _ = validated(made.read("train", "en"), made, "test", "en")
    assert kept == [TextExample("train-en.jsonl:1", "x", "", None, kept[0].where)]
    assert ":1" in complaint(task(tmp_path, '{"text": ["x"], "label": "a"}', "jsonl"))
    assert "'text' is not text" in complaint(task(tmp_path, '{"text": {}, "label": "a"}', "jsonl"))
    tagging = {"format": "tagging", "columns": (), "labels": ("O",)}
    assert ":1" in complaint(task(tmp_path, '{"tokens": null, "tags": null}', "jsonl", **tagging))
    blank = task(tmp_path, "a b\t\n", format="tagging", columns=("tokens", "tags"), labels=("O",))
    (found,) = validated(blank.read("train", "en"), blank, "test", "en")[0]
    assert isinstance(found, TaggedExample)
    assert TAGGING.gold_is_blank([found.tags])


def test_missing_columns_or_labels_are_rejected(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="names no column label"):
        task(tmp_path, "", columns=("text", "x"))
    with pytest.raises(ConfigError, match="has no labels"):
        task(tmp_path, "", labels=())


def test_the_fingerprint_depends_on_file_contents(tmp_path: Path) -> None:
    one = task(tmp_path, "one\ta\n").fingerprint("train", "en")
    assert task(tmp_path, "one\ta\n").fingerprint("train", "en") == one
    assert task(tmp_path, "one\tb\n").fingerprint("train", "en") != one
    assert task(tmp_path, "one\ta\n", labels=("b", "a")).fingerprint("train", "en") != one
    (tmp_path / "dev-en.tsv").write_text("another split")
    same = task(tmp_path, "one\ta\n", metrics=("accuracy",), licence="x", source="y")
    assert same.fingerprint("train", "en") == one


def test_renaming_a_text_file_changes_neither_key_nor_order(tmp_path: Path) -> None:
    text = "".join(f"line {number}\n" for number in range(30))
    found = []
    for code in ("deu", "arb_Arab"):
        (tmp_path / f"{code}.dev").write_text(text)
        given = FileTask(
            format="masked_lm",
            files="{language}.dev",
            splits={"train": ("de",)},
            codes={"de": code},
        )
        made = file_task("text", given, tmp_path)
        examples = list(made.read("train", "de"))
        pairs = [made.alignment_key(one) for one in examples]
        found.append((made.fingerprint("train", "de"), [one.text for one in examples], pairs))  # type: ignore[union-attr]
    assert found[0] == found[1]
    assert sorted(found[0][1]) == sorted(text.splitlines()) != found[0][1]


def test_blank_gold_is_detected() -> None:
    assert CLASSIFICATION.gold_is_blank(["", " "])
    assert not CLASSIFICATION.gold_is_blank(["a", "", "b"])
    assert TAGGING.gold_is_blank([["X"]] * 20)
    assert not TAGGING.gold_is_blank([["O", "B-x"]] * 20)
    assert TAGGING.gold_is_blank([["O", "O"], ["O"]])
    assert CLASSIFICATION.gold_is_blank(["0"] * 20)
    assert not CLASSIFICATION.gold_is_blank(["0"] * 19)
    assert not TAGGING.gold_is_blank([["O", "B-x"], ["O"]])
    assert not CLASSIFICATION.gold_is_blank(["a", "b"])


def test_blank_test_labels_can_be_predicted(tmp_path: Path) -> None:
    made = task(tmp_path, "one\t\ntwo\t\n")
    kept, _ = validated(made.read("train", "en"), made, "test", "en")
    assert [example.label for example in kept if isinstance(example, TextExample)] == ["", ""]


def test_renamed_columns_and_parquet_files_are_read(tmp_path: Path) -> None:
    path = tmp_path / "train-en.parquet"
    columns = {"premise": ["x", "y"], "hypothesis": ["p", "q"], "gold": [0, 1]}
    pq.write_table(pa.table(columns), path)
    given = FileTask(
        format="classification",
        files="{split}-{language}.parquet",
        splits={"train": ("en",)},
        labels=("0", "1"),
        rename={"premise": "text", "hypothesis": "text_pair", "gold": "label"},
    )
    made = file_task("mine", given, tmp_path)
    kept, _ = validated(made.read("train", "en"), made, "train", "en")
    assert [(one.text, one.text_pair, one.label) for one in kept] == [  # type: ignore[union-attr]
        ("x", "p", "0"),
        ("y", "q", "1"),
    ]


def test_files_can_come_from_a_dataset_on_the_hub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "somewhere.parquet"
    pq.write_table(pa.table({"text": ["one\n\ntwo", "three"]}), path)
    asked = []

    def fake(dataset: str, file: str, **rest: str) -> str:
        asked.append((dataset, file, rest["revision"]))
        return str(path)

    monkeypatch.setattr("huggingface_hub.hf_hub_download", fake)
    given = FileTask(
        format="masked_lm",
        hub="me/wiki@abc",
        files="20231101.{language}/train.parquet",
        splits={"train": ("de",)},
    )
    made = file_task("wiki", given, tmp_path)
    assert made.origin("train", "de") == (hub_origin("me/wiki", "abc"),)
    kept, _ = validated(made.read("train", "de"), made, "train", "de")
    assert sorted(one.text for one in kept) == ["one", "three", "two"]  # type: ignore[union-attr]
    assert asked == [("me/wiki", "20231101.de/train.parquet", "abc")]
    other = given.model_copy(update={"hub": "me/wiki@def"})
    prints = {file_task("wiki", one, tmp_path).fingerprint("train", "de") for one in (given, other)}
    assert len(prints) == 2


@pytest.mark.parametrize(
    "opening", ['"she said,a', '"she" said,a'], ids=["never closed", "closed too early"]
)
def test_a_quote_in_csv_takes_in_no_rows(tmp_path: Path, opening: str) -> None:
    lines = [f"text {number},a" for number in range(40)]
    lines[4], lines[30] = opening, 'he said "no" to it,a'
    (tmp_path / "train.csv").write_text("\n".join(lines))
    task = FileTask.model_validate(
        {
            "format": "classification",
            "files": "{split}.csv",
            "splits": {"train": ("en",)},
            "columns": ("text", "label"),
            "labels": ("a", "b"),
        }
    )
    with pytest.raises(DataError) as error:
        list(file_task("mine", task, tmp_path).read("train", "en"))
    assert error.value.where == f"{tmp_path / 'train.csv'}:5"


@pytest.mark.parametrize("ending", ["conllu", "CONLLU", "CoNLLU"])
def test_the_case_of_an_ending_does_not_matter(tmp_path: Path, ending: str) -> None:
    (tmp_path / f"train.{ending}").write_text("1\tI\t_\tPRON" + "\t_" * 6 + "\n")
    task = FileTask.model_validate(
        {
            "format": "tagging",
            "files": f"{{split}}.{ending}",
            "splits": {"train": ("en",)},
            "labels": ("PRON",),
        }
    )
    (example,) = file_task("mine", task, tmp_path).read("train", "en")
    assert example.tokens == ("I",)


@pytest.mark.parametrize(
    ("ending", "text", "is_read"),
    [
        ("tsv", "one\ta\n", True),
        ("csv", "text,label\none,a\n", True),
        ("jsonl", '{"text": "one", "label": "a"}\n', False),
        ("parquet", "", False),
    ],
)
def test_columns_are_in_a_fingerprint_only_where_they_are_read(
    tmp_path: Path, ending: str, text: str, is_read: bool
) -> None:
    prints = {
        task(tmp_path, text, ending, columns=columns).fingerprint("train", "en")
        for columns in ((), ("text", "label"), ("id", "text", "label"))
        if columns or not is_read
    }
    assert len(prints) == (2 if is_read else 1)
