"""Token–tag files: columns, separators, schemes, comments, and malformed lines."""

from __future__ import annotations

from pathlib import Path

import pytest

from xstilts.config.file_task import FileTask
from xstilts.core.errors import ConfigError, DataError
from xstilts.formats.io.token_tags import FURTHER_COLUMNS
from xstilts.tasks.base import TaskSpec
from xstilts.tasks.row_problems import RowProblems
from xstilts.tasks.user_tasks import file_task
from xstilts.tasks.validate import validated

BIO = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC")


def task(folder: Path, ending: str = "conll", labels: tuple[str, ...] = BIO) -> TaskSpec:
    own = {
        "format": "tagging",
        "files": f"{{split}}-{{language}}.{ending}",
        "splits": {"train": ("en",)},
        "labels": labels,
    }
    return file_task("names", FileTask.model_validate(own), folder)


def read(
    folder: Path, text: str, ending: str = "conll", labels: tuple[str, ...] = BIO
) -> tuple[list[tuple[tuple[str, ...], tuple[str, ...]]], RowProblems]:
    (folder / f"train-en.{ending}").write_text(text, encoding="utf-8")
    made = task(folder, ending, labels)
    kept, problems = validated(made.read("train", "en"), made, "train", "en")
    return [(one.tokens, one.tags) for one in kept], problems  # type: ignore[attr-defined]


ANN = (("Ann", "Lee", "sat"), ("B-PER", "I-PER", "O"))


@pytest.mark.parametrize("ending", ["conll", "bio", "iob2", "iob", "CONLL"])
@pytest.mark.parametrize("separator", ["\t", " ", "   "])
def test_words_and_tags_are_separated_by_a_tab_or_spaces(
    tmp_path: Path, ending: str, separator: str
) -> None:
    lines = [f"{word}{separator}{tag}" for word, tag in zip(*ANN, strict=True)]
    found, problems = read(tmp_path, "\n".join(lines) + "\n\nHi" + separator + "O\r\n\n", ending)
    assert found == [ANN, (("Hi",), ("O",))]
    assert not problems.counts


def test_columns_between_word_and_tag_are_not_read_which_is_counted_once(tmp_path: Path) -> None:
    text = "Ann NNP I-NP B-PER\nLee NNP I-NP I-PER\nsat VBD I-VP O\n\nHi UH I-NP O\n"
    found, problems = read(tmp_path, text)
    assert found == [ANN, (("Hi",), ("O",))]
    assert problems.kept == {FURTHER_COLUMNS: 1}
    assert not problems.left_out
    assert "train-en.conll:1" in problems.first[0]
    assert "2" in problems.first[0]


@pytest.mark.parametrize(
    ("scheme", "tags", "labels"),
    [
        ("IOB1", "I-PER I-PER O", BIO),
        ("BIOES", "B-PER E-PER O", ("O", "B-PER", "I-PER", "E-PER", "S-PER")),
    ],
)
def test_tags_in_other_schemes_are_converted_to_bio_and_counted(
    tmp_path: Path, scheme: str, tags: str, labels: tuple[str, ...]
) -> None:
    lines = [f"{word} {tag}" for word, tag in zip(ANN[0], tags.split(), strict=True)]
    found, problems = read(tmp_path, "\n".join(lines), labels=labels)
    assert found == [ANN]
    assert problems.kept == {f"tags in {scheme}, kept as BIO": 1}


def test_document_lines_and_comments_are_no_words_but_number_signs_are(tmp_path: Path) -> None:
    text = "-DOCSTART- -X- O\n\n# id 7 domain=en\n# text = Ann\nAnn X B-PER\n\n# X O\nid X O\n"
    assert read(tmp_path, text)[0] == [(("Ann",), ("B-PER",)), (("#", "id"), ("O", "O"))]


@pytest.mark.parametrize("ending", ["conll", "bio"])
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("#id O\nRome B-LOC\n", [(("#id", "Rome"), ("O", "B-LOC"))]),
        ("#id O\n\n#a=b O\n", [(("#id",), ("O",)), (("#a=b",), ("O",))]),
        ("#id\tO\nRome\tB-LOC\n", [(("#id", "Rome"), ("O", "B-LOC"))]),
        ("Hi O\n\n#id B-LOC\n", [(("Hi",), ("O",)), (("#id",), ("B-LOC",))]),
        ("#id 7\tx\ty\nRome\tB-LOC\n", [(("Rome",), ("B-LOC",))]),
        ("# id 7\nRome X B-LOC\n", [(("Rome",), ("B-LOC",))]),
        ("# id 7f domain=en\nRome _ _ B-LOC\n", [(("Rome",), ("B-LOC",))]),
        ("# text = Rome\nRome _ _ B-LOC\n", [(("Rome",), ("B-LOC",))]),
    ],
)
def test_a_word_that_begins_as_a_comment_is_kept_if_it_has_the_columns(
    tmp_path: Path, text: str, expected: list[tuple[tuple[str, ...], ...]], ending: str
) -> None:
    assert read(tmp_path, text, ending)[0] == expected


def test_a_tab_file_keeps_spaces_within_words(tmp_path: Path) -> None:
    assert read(tmp_path, "New York\tB-LOC\nis\tO\n")[0] == [(("New York", "is"), ("B-LOC", "O"))]


def test_a_line_with_another_number_of_columns_makes_a_bad_row_with_its_line(
    tmp_path: Path,
) -> None:
    good = "Hi O\n\n" * 30
    _, problems = read(tmp_path, f"{good}Ann B-PER\nLee\n")
    assert problems.left_out == {"wrong number of columns": 1}
    assert "train-en.conll:62" in problems.first[0]


def test_tags_that_are_not_declared_are_refused_with_file_and_line(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        read(tmp_path, "Ann S-PER\n")
    assert "S-PER" in str(caught.value)
    assert "train-en.conll:1" in str(caught.value)


def test_a_test_set_without_tags_is_read(tmp_path: Path) -> None:
    (tmp_path / "train-en.conll").write_text("Ann\nsat\n")
    made = task(tmp_path)
    kept, _ = validated(made.read("train", "en"), made, "test", "en")
    assert kept[0].tags == ("", "")  # type: ignore[attr-defined]


@pytest.mark.parametrize("ending", ["conl", "ann", "json", "bio.gz"])
def test_an_unknown_ending_is_an_error_that_names_the_known_ones(
    tmp_path: Path, ending: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        task(tmp_path, ending)
    assert caught.value.where == "tasks.names.files"
    if ending in ("conl", "ann"):
        for known in (".conll", ".bio", ".iob2", ".conllu", ".tsv", ".csv", ".jsonl", ".parquet"):
            assert known in str(caught.value)


def test_other_formats_do_not_read_token_tag_files(tmp_path: Path) -> None:
    own = {"format": "masked_lm", "files": "a.bio", "splits": {"train": ("en",)}}
    with pytest.raises(ConfigError):
        file_task("text", FileTask.model_validate(own), tmp_path)
