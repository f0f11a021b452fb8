"""Cells of users' files: understood where their meaning is certain, else a named bad row."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from xstilts.config.file_task import FileTask
from xstilts.core.errors import ConfigError, DataError
from xstilts.formats.answer_retrieval import ANSWER_RETRIEVAL
from xstilts.formats.classification import TextExample
from xstilts.formats.io.readers import FileRow
from xstilts.tasks.base import TaskSpec
from xstilts.tasks.row_problems import RowProblems
from xstilts.tasks.user_tasks import file_task
from xstilts.tasks.validate import filter_rows, validated


def made(folder: Path, ending: str = "jsonl", **changes: Any) -> TaskSpec:
    settings = {
        "format": "classification",
        "files": f"{{split}}.{ending}",
        "splits": {"train": ("en",), "test": ("en",)},
        "labels": ("a", "b"),
    }
    return file_task("mine", FileTask.model_validate(settings | changes), folder)


def filtered(
    folder: Path, rows: Sequence[Any], split: str = "train", **changes: Any
) -> tuple[list[Any], RowProblems, int]:
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (folder / f"{split}.jsonl").write_text(text)
    task = made(folder, **changes)
    return filter_rows(task.read(split, "en"), task, split)


def row(number: int, **changes: Any) -> dict[str, Any]:
    return {"text": f"text {number}", "label": "ab"[number % 2], **changes}


@pytest.mark.parametrize("cell", [1, 1.0, "1", " 1"])
def test_a_cell_is_the_mapped_label_that_it_stands_for(tmp_path: Path, cell: Any) -> None:
    changes = {"label_map": {"1": "a", "true": "b"}}
    kept, _, _ = filtered(tmp_path, [row(0, label=cell), row(1, label=True)], **changes)
    assert [example.label for example in kept] == ["a", "b"]


@pytest.mark.parametrize("cell", [7, 7.0, "7"])
def test_an_id_is_the_same_in_every_type(tmp_path: Path, cell: Any) -> None:
    kept, _, _ = filtered(tmp_path, [row(0, id=cell), row(1, id="8")])
    assert [example.id for example in kept] == ["7", "8"]


@pytest.mark.parametrize("cell", [7, 7.0, "7", [7.0]])
def test_keys_of_answers_are_the_same_in_every_type(cell: Any) -> None:
    read = ANSWER_RETRIEVAL.files
    assert read
    assert read.example
    query: Any = read.example("q", FileRow({"text": "a", "keys": cell, "group": 3.0}, "x:1", "q"))
    assert (query.keys, query.group) == (("7",), "3")


def test_tags_in_lists_are_typed(tmp_path: Path) -> None:
    changes = {"format": "tagging", "labels": ("0", "1")}
    rows = [{"tokens": ["I", "am"], "tags": [0.0, "1 "]}]
    kept, _, _ = filtered(tmp_path, rows, **changes)
    assert [example.tags for example in kept] == [("0", "1")]


def test_a_row_with_one_name_twice_is_a_bad_row(tmp_path: Path) -> None:
    lines = [json.dumps(row(0)), '{"text": "one", "text": "two", "label": "a"}']
    (tmp_path / "train.jsonl").write_text("\n".join(lines) + "\n")
    kept, problems, _ = filter_rows(made(tmp_path).read("train", "en"), made(tmp_path), "train")
    assert [example.text for example in kept] == ["text 0"]
    assert sum(problems.counts.values()) == 1


def test_infinity_is_no_text(tmp_path: Path) -> None:
    kept, problems, _ = filtered(tmp_path, [row(0, text=float("inf")), row(1, id=-float("inf"))])
    assert kept == []
    assert sum(problems.left_out.values()) == 2


@pytest.mark.parametrize(
    ("cell", "labels", "label"),
    [
        (True, ("true", "false"), "true"),
        (False, ("True", "False"), "False"),
        (1.0, ("0", "1"), "1"),
        (1.0, ("0.0", "1.0"), "1.0"),
        (1, ("0", "1"), "1"),
        ("a ", ("a", "b"), "a"),
        (" a", (" a", "a"), " a"),
    ],
)
def test_a_cell_is_the_label_that_it_stands_for(
    tmp_path: Path, cell: Any, labels: tuple[str, ...], label: str
) -> None:
    (example,), _, _ = filtered(tmp_path, [row(0, label=cell)], labels=labels)
    assert example.label == label


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"text": float("nan")}, "empty text"),
        ({"text": None}, "empty text"),
        ({"text": True}, "'text' is not text"),
        ({"text": ["a"]}, "'text' is not text"),
        ({"label": True}, "'label' is true or false, not one of the labels a, b"),
        ({"label": 1.5}, "label outside the set"),
        ({"text": "a\ud83db"}, "text that is not valid Unicode"),
        ({"id": "a\ud83d"}, "text that is not valid Unicode"),
        ({"text_pair": {"a": 1}}, "'text_pair' is not text"),
    ],
)
def test_cells_without_certain_meaning_are_bad_rows_with_their_line(
    tmp_path: Path, changes: dict[str, Any], problem: str
) -> None:
    kept, problems, total = filtered(tmp_path, [row(0), row(1, **changes), row(2)])
    assert (len(kept), total, problems.left_out) == (2, 3, {problem: 1})
    assert problems.first[0].startswith(f"{tmp_path}/train.jsonl:2: {problem}")


def test_a_truth_value_is_no_index_of_a_choice(tmp_path: Path) -> None:
    cells = {"text": "it rained", "choice1": "wet", "choice2": "dry"}
    rows = [{**cells, "label": label} for label in (0, "1", True, False)]
    changes = {"format": "multiple_choice", "labels": ("0", "1")}
    kept, problems, _ = filtered(tmp_path, rows, **changes)
    assert [example.label for example in kept] == ["0", "1"]
    assert problems.left_out == {"'label' is true or false, not one of the labels 0, 1": 2}


def test_numbers_as_text_and_missing_ids_are_understood(tmp_path: Path) -> None:
    kept, _, _ = filtered(tmp_path, [row(0, text=12), row(1, id=7), row(2, id=float("nan"))])
    assert [example.text for example in kept] == ["12", "text 1", "text 2"]
    assert [example.id for example in kept] == ["train.jsonl:1", "7", "train.jsonl:3"]


@pytest.mark.parametrize("missing", [0, 2])
def test_a_pair_that_only_one_row_lacks_is_a_bad_row(tmp_path: Path, missing: int) -> None:
    rows = [row(n, text_pair=None if n == missing else f"pair {n}") for n in range(30)]
    kept, problems, _ = filtered(tmp_path, rows)
    assert [example.text_pair for example in kept] == [
        f"pair {n}" for n in range(30) if n != missing
    ]
    assert problems.left_out == {"no text_pair, which other rows have": 1}


def test_rows_without_any_pair_are_single_texts(tmp_path: Path) -> None:
    kept, problems, _ = filtered(tmp_path, [row(n, text_pair=None) for n in range(3)])
    assert len(kept) == 3
    assert not problems.counts


def test_one_blank_test_label_is_counted_and_blanks_no_set(tmp_path: Path) -> None:
    rows = [row(n, label=None if n == 7 else "a" if n % 3 else "b") for n in range(30)]
    kept, problems, _ = filtered(tmp_path, rows, "test")
    assert len(kept) == 30
    assert problems.kept == {"blank label, kept and not scored": 1}
    assert "test.jsonl:8" in problems.first[0]
    spec = made(tmp_path).format_spec
    gold = spec.gold_of_examples(kept)
    assert not spec.gold_is_blank(gold)
    assert [spec.row_is_blank(label, ()) for label in gold].count(True) == 1


def test_notes_on_kept_rows_do_not_hide_why_rows_are_left_out(tmp_path: Path) -> None:
    rows = [row(0, text="same") for _ in range(15)] + [row(n, label="_") for n in range(15)]
    text = "".join(json.dumps(one) + "\n" for one in rows)
    (tmp_path / "train.jsonl").write_text(text)
    task = made(tmp_path)
    with pytest.raises(DataError) as caught:
        validated(task.read("train", "en"), task, "train", "en")
    assert "label outside the set 15" in str(caught.value)
    assert "train.jsonl:16: label outside the set: '_'" in str(caught.value)
    assert "duplicate" not in str(caught.value)


def test_each_kind_of_problem_is_described() -> None:
    problems = RowProblems()
    for number in range(20):
        problems.add("often", TextExample(str(number), "text", "a"))
    problems.add("once", TextExample("last", "text", "a"))
    assert any("once" in text for text in problems.first)
    assert len(problems.first) <= 10


def test_trailing_nulls_are_no_choices(tmp_path: Path) -> None:
    choices = {f"choice{n}": f"choice {n}" for n in range(1, 3)}
    rows = [
        {"text": "x", "label": "a", **choices, "choice3": None},
        {"text": "y", "label": "a", "choice1": None, "choice2": "z"},
    ]
    kept, problems, _ = filtered(tmp_path, rows, format="multiple_choice")
    assert [example.choices for example in kept] == [("choice 1", "choice 2")]
    assert problems.left_out == {"empty text": 1}


def test_bytes_of_parquet_are_text_if_they_are_utf8(tmp_path: Path) -> None:
    table = {"text": ["né".encode(), b"\xff", b"plain"], "label": [b"a", b"a", b"b"]}
    pq.write_table(pa.table(table), tmp_path / "train.parquet")
    task = made(tmp_path, "parquet")
    kept, problems, _ = filter_rows(task.read("train", "en"), task, "train")
    assert [(one.text, one.label) for one in kept] == [("né", "a"), ("plain", "b")]  # type: ignore[attr-defined]
    assert problems.left_out == {"'text' is not UTF-8": 1}


@pytest.mark.parametrize(
    ("cell", "tokens"),
    [
        ("I saw  John", ("I", "saw", "John")),
        (" a b ", ("a", "b")),
        (["a", 2], ("a", "2")),
        ("a \u200b", ("a", "\u200b")),
        (["\u00a0"], ("\u00a0",)),
    ],
)
def test_words_are_separated_by_one_or_more_spaces(
    tmp_path: Path, cell: Any, tokens: tuple[str, ...]
) -> None:
    tags = ["O"] * len(tokens)
    (example,), _, _ = filtered(
        tmp_path, [{"tokens": cell, "tags": tags}], format="tagging", labels=("O", "B-x")
    )
    assert example.tokens == tokens


@pytest.mark.parametrize("word", [None, True, "", ["a"]])
def test_words_without_certain_meaning_make_a_bad_row(tmp_path: Path, word: Any) -> None:
    rows = [{"tokens": ["a", word], "tags": ["O", "O"]}]
    kept, problems, _ = filtered(tmp_path, rows, format="tagging", labels=("O", "B-x"))
    assert not kept
    assert sum(problems.left_out.values()) == 1


@pytest.mark.parametrize(
    ("ending", "advice"),
    [
        ("json", "one JSON object in each line"),
        ("jsonl.gz", "decompress"),
        ("conll", "format: tagging"),
        ("xlsx", "csv"),
        ("data", ".parquet"),
    ],
)
def test_unknown_endings_are_refused_by_name(tmp_path: Path, ending: str, advice: str) -> None:
    with pytest.raises(ConfigError) as caught:
        made(tmp_path, ending)
    assert f"files that end in .{ending.rpartition('.')[2]}" in caught.value.what
    assert advice in (caught.value.todo or "")


def test_text_may_have_any_ending_but_those_of_other_kinds(tmp_path: Path) -> None:
    for ending in ("dev", "txt", "deu", "{language}"):
        made(tmp_path, ending, format="masked_lm", labels=())
    with pytest.raises(ConfigError, match=r"\.gz"):
        made(tmp_path, "txt.gz", format="masked_lm", labels=())


@pytest.mark.parametrize("header", ["", "text,label\n"])
def test_csv_is_read_with_and_without_the_names_of_its_columns(tmp_path: Path, header: str) -> None:
    (tmp_path / "train.csv").write_text(header + '"one, two",a\n"three\nfour",b\n')
    task = made(tmp_path, "csv", columns=("text", "label"))
    kept, problems, total = filter_rows(task.read("train", "en"), task, "train")
    assert [one.text for one in kept] == ["one, two", "three\nfour"]  # type: ignore[attr-defined]
    assert total == 2
    assert problems.left_out == ({"header line, left out": 1} if header else {})


def test_columns_in_another_order_than_the_file_names_them_are_refused(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text("label,text\na,one\n")
    task = made(tmp_path, "csv", columns=("text", "label"))
    with pytest.raises(DataError, match="the columns are label, text"):
        list(task.read("train", "en"))


def test_a_header_line_is_counted_and_no_bad_row(tmp_path: Path) -> None:
    (tmp_path / "train.tsv").write_text("Text\tLabel\none\ta\ntwo\tb\n")
    task = made(tmp_path, "tsv", columns=("text", "label"))
    kept, problems = validated(task.read("train", "en"), task, "train", "en")
    assert len(kept) == 2
    assert problems.left_out == {"header line, left out": 1}


def test_a_row_of_tabs_is_counted(tmp_path: Path) -> None:
    (tmp_path / "train.tsv").write_text("one\ta\n\t\n\n  \ntwo\tb\n")
    task = made(tmp_path, "tsv", columns=("text", "label"))
    kept, problems, total = filter_rows(task.read("train", "en"), task, "train")
    assert (len(kept), total, problems.left_out) == (2, 3, {"empty text": 1})


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ('[{"text": "a"},\n {"text": "b"}]', "one JSON array"),
        ('{\n"text": "a"\n}\n', "over several lines"),
        ("one\ta\rtwo\tb\r", "CR alone"),
    ],
)
def test_files_of_another_layout_are_named_as_what_they_are(
    tmp_path: Path, text: str, what: str
) -> None:
    (tmp_path / "train.jsonl").write_bytes(text.encode())
    with pytest.raises(DataError, match=what):
        list(made(tmp_path).read("train", "en"))


def test_meanings_are_compared_as_numbers_and_as_texts(tmp_path: Path) -> None:
    changes = {"format": "retrieval", "labels": ()}
    rows = [{"text": f"text {n}", "meaning": cell} for n, cell in enumerate((7, 7.0, "7"))]
    kept, _, _ = filtered(tmp_path, rows, "test", **changes)
    assert [example.meaning for example in kept] == ["7", "7", "7"]
