"""Header lines of the user's own tables: given, found, or absent, and counted."""

from __future__ import annotations

from pathlib import Path

import pytest

from xstilts.config.file_task import FileTask
from xstilts.core.errors import ConfigError, DataError
from xstilts.formats.base import HEADER
from xstilts.tasks.row_problems import RowProblems
from xstilts.tasks.user_rows import GAP, NO_HEADER
from xstilts.tasks.user_tasks import file_task
from xstilts.tasks.validate import validated

ROWS = (("fine", "good"), ("poor", "bad"), ("nice", "good"))
BOTH = pytest.mark.parametrize(("ending", "separator"), [("tsv", "\t"), ("csv", ",")])


def read(
    folder: Path, ending: str, lines: list[str], **changes: object
) -> tuple[list[tuple[str, str]], RowProblems]:
    (folder / f"train-en.{ending}").write_text("".join(f"{line}\n" for line in lines))
    own = {
        "format": "classification",
        "files": f"{{split}}-{{language}}.{ending}",
        "splits": {"train": ("en",)},
        "labels": ("good", "bad"),
        **changes,
    }
    made = file_task("mine", FileTask.model_validate(own), folder)
    kept, problems = validated(made.read("train", "en"), made, "train", "en")
    return [(one.text, one.label) for one in kept], problems  # type: ignore[attr-defined]


def lines(separator: str, *rows: tuple[str, ...]) -> list[str]:
    return [separator.join(row) for row in rows]


@BOTH
def test_a_header_with_the_names_of_the_format_needs_no_columns(
    tmp_path: Path, ending: str, separator: str
) -> None:
    text = lines(separator, ("label", "id", "text"), ("good", "1", "fine"), ("bad", "2", "poor"))
    assert read(tmp_path, ending, text)[0] == [("fine", "good"), ("poor", "bad")]


@BOTH
def test_renamed_columns_of_a_header_are_found(tmp_path: Path, ending: str, separator: str) -> None:
    text = lines(separator, ("Stars", "Review"), ("good", "fine"), ("bad", "poor"))
    found, _ = read(tmp_path, ending, text, rename={"Review": "text", "Stars": "label"})
    assert found == [("fine", "good"), ("poor", "bad")]


@BOTH
def test_a_table_without_header_is_read_in_the_order_of_the_format_and_noted(
    tmp_path: Path, ending: str, separator: str
) -> None:
    found, problems = read(tmp_path, ending, lines(separator, *ROWS))
    assert found == list(ROWS)
    assert problems.kept == {NO_HEADER: 1}
    assert "text, label" in problems.first[0]


@BOTH
def test_a_header_with_other_names_than_columns_is_left_out_and_counted(
    tmp_path: Path, ending: str, separator: str
) -> None:
    text = lines(separator, ("Review text", "sentiment"), *ROWS)
    found, problems = read(tmp_path, ending, text, columns=("text", "label"))
    assert found == list(ROWS)
    assert problems.left_out == {HEADER: 1}


@BOTH
@pytest.mark.parametrize("first", [("It was neither good nor bad", "mixed"), ("so", "mixed")])
def test_a_first_row_with_an_unknown_label_is_no_header(
    tmp_path: Path, ending: str, separator: str, first: tuple[str, str]
) -> None:
    others = [("so so", "mixed")] if first[0] == "so" else []
    text = lines(separator, first, *ROWS * 20, *others)
    _, problems = read(tmp_path, ending, text, columns=("text", "label"))
    assert problems.left_out == {"label outside the set": 1 + len(others)}


@BOTH
def test_header_true_leaves_out_the_first_line_whatever_it_says(
    tmp_path: Path, ending: str, separator: str
) -> None:
    text = lines(separator, ("x1", "good"), *ROWS)
    found, problems = read(tmp_path, ending, text, columns=("text", "label"), header=True)
    assert found == list(ROWS)
    assert problems.left_out == {HEADER: 1}


@BOTH
def test_header_false_makes_the_first_line_a_row(
    tmp_path: Path, ending: str, separator: str
) -> None:
    text = lines(separator, ("text", "label"), *ROWS)
    labels = ("good", "bad", "label")
    found, _ = read(tmp_path, ending, text, columns=("text", "label"), header=False, labels=labels)
    assert found[0] == ("text", "label")


@BOTH
def test_columns_that_cannot_be_found_are_an_error_at_the_first_line(
    tmp_path: Path, ending: str, separator: str
) -> None:
    with pytest.raises(DataError) as caught:
        read(tmp_path, ending, lines(separator, ("sentence", "sentiment"), *ROWS))
    assert str(caught.value.where).endswith(f"train-en.{ending}:1")
    assert "columns: [text, label]" in str(caught.value)
    assert "'sentence', 'sentiment'" in str(caught.value)


@pytest.mark.parametrize("columns", [(), ("text", "label")])
@pytest.mark.parametrize(
    ("ending", "separator", "words"),
    [
        ("csv", ";", "semicolons (.tsv) (.csv)"),
        ("tsv", ";", "semicolons (.tsv) (.csv)"),
        ("csv", "|", "bars (.tsv) (.csv)"),
        ("csv", "\t", "tabs .tsv"),
        ("tsv", ",", "commas .csv"),
    ],
)
def test_another_separator_than_that_of_the_ending_is_named(
    tmp_path: Path, ending: str, separator: str, words: str, columns: tuple[str, ...]
) -> None:
    with pytest.raises(DataError) as caught:
        read(tmp_path, ending, lines(separator, ("text", "label"), *ROWS), columns=columns)
    assert f"train-en.{ending}:1" in str(caught.value)
    assert "rename:" not in str(caught.value)
    assert [word for word in words.split() if word not in str(caught.value)] == []


@pytest.mark.parametrize(
    ("row", "is_hint"),
    [
        ("a text; and another; and a third", False),
        ("one | two | three", False),
        ("well, so, so", False),
        ("a text without sign", False),
        ("nice;good", True),
        ('"nice; really";good', True),
        ('"nice, and, so, on",good', True),
    ],
)
def test_another_separator_is_named_only_if_it_separates_as_many_cells(
    tmp_path: Path, row: str, is_hint: bool
) -> None:
    text = lines("\t", ("text", "label"), *ROWS * 40)
    _, problems = read(tmp_path, "tsv", [*text, row])
    (message,) = problems.messages["wrong number of columns"]
    assert ("separate the cells" in message) == is_hint


def test_header_is_refused_for_files_that_have_none(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, "jsonl", [], header=True)
    assert caught.value.where == "tasks.mine.header"


def test_header_changes_the_fingerprint_only_if_it_is_given(tmp_path: Path) -> None:
    (tmp_path / "train-en.tsv").write_text("fine\tgood\n")
    own = {
        "format": "classification",
        "files": "{split}-{language}.tsv",
        "splits": {"train": ("en",)},
        "columns": ("text", "label"),
        "labels": ("good", "bad"),
    }
    digests = {
        file_task("mine", FileTask.model_validate(own | more), tmp_path).fingerprint("train", "en")
        for more in ({}, {"header": True}, {"header": False})
    }
    assert len(digests) == 3
    assert "header" not in FileTask.model_validate(own).model_dump()


@pytest.mark.parametrize(
    ("languages", "text", "note"),
    [
        (["en", "de"], "text,label\na,x\n\n\nb,y\n\nc,x\n\n", "5: line 3 to 4"),
        (["en", "de"], 'text,label\n"a\nb",x\nb,y\n', "4: line 3"),
        (["en", "de"], "text,label\na,x\nb,y\n\n", ""),
        (["en", "de"], "id,text,label\n1,a,x\n\n2,b,y\n", ""),
        (["en"], "text,label\na,x\n\nb,y\n", ""),  # though dev has two languages
        (["en"], 'text,label\n"a\nb",x\nb,y\n', ""),
        (["en", "de"], "text,label\n\na,x\nb,y\n", "3: line 2"),  # before the first row
        (["en", "de"], "\ntext,label\na,x\nb,y\n", "3: line 1"),  # before the header
        (["en", "de"], "\n\ntext,label\n\na,x\nb,y\n", "5: line 1 to 2"),
        (["en", "de"], 'text,label,"a\nb"\na,x,1\nb,y,2\n', ""),  # a header of two lines
        (["en", "de"], "\na,x\nb,y\n", "2: line 1"),
    ],
)
def test_the_first_gap_between_rows_that_are_paired_by_line_is_noted(
    tmp_path: Path, languages: list[str], text: str, note: str
) -> None:
    (tmp_path / "test.en.csv").write_text(text)
    given = {"format": "classification", "files": "{split}.{language}.csv", "labels": ["x", "y"]}
    splits = {"test": languages, "train": ["en"], "dev": ["en", "fr"]}
    task = FileTask.model_validate({**given, "splits": splits})
    spec = file_task("mine", task, tmp_path)
    kept, problems = validated(spec.read("test", "en"), spec, "test", "en")
    assert problems.kept[GAP] == (1 if note else 0)
    assert len(kept) == text.count(",x") + text.count(",y")
    messages = problems.messages.get(GAP, [])
    places = [one.rpartition("/test.en.csv:")[2].replace(f" {GAP}:", "") for one in messages]
    assert places == [note][: bool(note)]


@pytest.mark.parametrize("header", ["", "text,label\n"])
def test_the_first_gap_is_named_also_where_columns_are_given(tmp_path: Path, header: str) -> None:
    (tmp_path / "test.en.csv").write_text(f"\n{header}a,x\nb,y\n")
    given = {"format": "classification", "files": "{split}.{language}.csv", "labels": ["x", "y"]}
    more = {"splits": {"test": ["en", "de"]}, "columns": ["text", "label"]}
    spec = file_task("mine", FileTask.model_validate({**given, **more}), tmp_path)
    _, problems = validated(spec.read("test", "en"), spec, "test", "en")
    assert [one.endswith("line 1") for one in problems.messages[GAP]] == [True]
