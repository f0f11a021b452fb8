"""Reading treebanks in CoNLL-U."""

from __future__ import annotations

from pathlib import Path

import pytest

from xstilts.config.file_task import FileTask
from xstilts.formats.base import BadRow
from xstilts.formats.io.conllu import read_conllu
from xstilts.formats.tagging import TaggedExample
from xstilts.tasks.user_tasks import file_task
from xstilts.tasks.validate import validated

REST = "\t_" * 6
GOOD = f"""# sent_id = one
1-2\tzum\t_\t_{REST}
1\tzu\tzu\tADP{REST}
2\tdem\tder\tDET{REST}
2.1\tleer\t_\tX{REST}
3\tHaus\tHaus\tNOUN{REST}

1\tJa\tja\tINTJ{REST}
"""


def read(folder: Path, text: str) -> tuple[list[object], dict[str, int], list[str]]:
    (folder / "train-de.conllu").write_text(text, encoding="utf-8")
    given = FileTask(
        format="tagging",
        files="{split}-{language}.conllu",
        splits={"train": ("de",)},
        labels=("ADP", "DET", "NOUN", "INTJ", "X"),
        metrics=("tag_accuracy",),
    )
    task = file_task("trees", given, folder)
    kept, complaints = validated(task.read("train", "de"), task, "train", "de")
    return list(kept), dict(complaints.counts), complaints.first


def test_multiword_ranges_and_empty_nodes_are_skipped(tmp_path: Path) -> None:
    kept, _, _ = read(tmp_path, GOOD)
    assert [(one.id, one.tokens, one.tags) for one in kept if isinstance(one, TaggedExample)] == [
        ("one", ("zu", "dem", "Haus"), ("ADP", "DET", "NOUN")),
        ("train-1", ("Ja",), ("INTJ",)),
    ]


def test_a_malformed_line_invalidates_only_its_sentence(tmp_path: Path) -> None:
    many = "".join(f"1\tw{number}\t_\tX{REST}\n\n" for number in range(30))
    kept, counts, first = read(tmp_path, f"{many}1\tbroken\n")
    assert len(kept) == 30
    assert counts == {"wrong number of columns": 1}
    assert first[0].startswith(f"{tmp_path}/train-de.conllu:61: ")


def line(number: object, form: str = "a", tag: str = "X") -> str:
    return f"{number}\t{form}\t_\t{tag}" + "\t_" * 6 + "\n"


def sentences(folder: Path, text: str) -> list[tuple[str, ...]]:
    (folder / "x.conllu").write_text(text)
    return [
        found.tokens if isinstance(found, TaggedExample) else (found.problem,)
        for found in read_conllu(folder / "x.conllu", "x")
    ]


@pytest.mark.parametrize("between", ["", "\n", " \n", "# sent_id = b\n", "\n\n# text = b\n\n"])
def test_a_sentence_ends_where_word_ids_begin_again(tmp_path: Path, between: str) -> None:
    second = line("1-2", "bc") + line(1, "b") + line(2, "c")
    text = line(1, "a") + line(2, "a") + line("2.1", "z") + between + second
    assert sentences(tmp_path, text) == [("a", "a"), ("b", "c")]


def test_missing_and_unknown_word_ids_make_bad_rows(tmp_path: Path) -> None:
    text = line(1) + line(3) + "\n" + line("x") + "\n" + line(1)
    assert sentences(tmp_path, text) == [
        ("word ids are not 1, 2, 3 …",),
        ("not a word id",),
        ("a",),
    ]


def test_only_sent_id_itself_names_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "x.conllu"
    path.write_text("# sent_id_old = p\n# sent_id_x\n" + line(1) + "\n#sent_id=q\n" + line(1))
    assert [found.id for found in read_conllu(path, "x")] == ["x-0", "q"]


def test_a_byte_order_mark_between_joined_files_is_dropped(tmp_path: Path) -> None:
    text = "\ufeff" + line(1, "a") + "\n\ufeff# sent_id = s\n" + line(1, "b")
    assert sentences(tmp_path, text) == [("a",), ("b",)]


def test_a_word_id_of_any_length_is_a_bad_row(tmp_path: Path) -> None:
    path = tmp_path / "train.conllu"
    path.write_text("9" * 5000 + "\tI\t_\tPRON" + "\t_" * 6 + "\n")
    (found,) = read_conllu(path, "train")
    assert isinstance(found, BadRow)
