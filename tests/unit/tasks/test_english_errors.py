"""English tasks: malformed official files are errors that name file and row."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from xstilts.core.errors import DataError
from xstilts.tasks.origin import is_local
from xstilts.tasks.validate import validated
from xstilts.testing.task_files import jsonl, task, write

MRPC_COLUMNS = "Quality\t#1 ID\t#2 ID\t#1 String\t#2 String"


def nli(label: str, name: str = "1n") -> dict[str, str]:
    return {"sentence1": "a", "sentence2": "b", "gold_label": label, "pairID": name}


def read(name: str, split: str, folder: Path) -> list[Any]:
    made = task(name, folder)
    assert is_local(made.origin(split, "en"))
    return list(validated(made.read(split, "en"), made, split, "en")[0])


def rows(count: int, bad: Mapping[str, object] | str) -> str:
    good = jsonl(
        *(nli("neutral", str(number)) | {"sentence1": str(number)} for number in range(count))
    )
    return good + (bad if isinstance(bad, str) else jsonl(bad))


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (nli("-", "x"), "no gold label: the annotators disagreed"),
        (nli("maybe", "x"), "label outside the set"),
        (nli("neutral", "0") | {"sentence1": "z"}, "duplicate id"),
        ({"sentence1": "a", "gold_label": "neutral", "pairID": "x"}, "no 'sentence2' in the row"),
        (nli("neutral", "x") | {"sentence1": "a\0"}, "NUL character"),
        (nli("neutral", "x") | {"sentence1": ["a"]}, "'sentence1' is not text"),
        ("{\n", "not JSON"),
        ("[]\n", "not a JSON object"),
    ],
)
def test_bad_rows_are_named_and_counted(
    tmp_path: Path, bad: Mapping[str, object] | str, message: str
) -> None:
    write(tmp_path, "mnli/multinli_1.0_train.jsonl", rows(30, bad))
    made = task("mnli", tmp_path)
    kept, complaints = validated(made.read("train", "en"), made, "train", "en")
    assert len(kept) == 30
    assert complaints.counts == {message: 1}
    assert f"_train.jsonl:31: {message}" in complaints.first[0]


@pytest.mark.parametrize(
    ("name", "split", "file", "text", "message"),
    [
        (
            "mrpc",
            "train",
            "mrpc/train.tsv",
            f"{MRPC_COLUMNS}\n1\ta\tb\n",
            "columns: 3 cells, expected 5",
        ),
        (
            "cosmosqa",
            "dev",
            "cosmosqa/valid.csv",
            "id,context\n1\n",
            "number of columns: 1 cell, expected 2",
        ),
        ("xnli", "dev", "xnli/dev-en.tsv", "a b neutral\n", "separated by tabs: 1 columns"),
        (
            "conll2000",
            "train",
            "conll2000/train.txt",
            "a\tX\tO\n",
            "columns: 1 cell, expected 3",
        ),
        ("ccg", "train", "ccg/train.txt", "a|X\n", "not word|POS|supertag"),
        ("pan-x", "dev", "panx/dev-en.tsv", "a\0\tO\n", "NUL character"),
        ("pan-x", "dev", "panx/dev-en.tsv", "a\tb\tO\n", "columns: 3 cells, expected 1 or 2"),
        ("commonsenseqa", "dev", "commonsenseqa/dev.jsonl", '{"question": 1}\n', "no 'stem'"),
        (
            "hellaswag",
            "dev",
            "hellaswag/val.jsonl",
            '{"ctx_a": "", "ctx_b": "", "endings": 1}',
            "list",
        ),
        (
            "rte",
            "dev",
            "rte/rte1_dev.xml",
            "<c><pair id='4'><t>a</t></pair></c>",
            "pair 4: no text",
        ),
    ],
)
def test_errors_in_files_name_file_and_line(
    tmp_path: Path, name: str, split: str, file: str, text: str, message: str
) -> None:
    write(tmp_path, file, text)
    if name == "rte":
        for number in (2, 3):
            write(tmp_path, f"rte/rte{number}_dev.xml", "<c></c>")
    with pytest.raises(DataError) as caught:
        read(name, split, tmp_path)
    assert message in str(caught.value)
    assert Path(file).name in str(caught.value)


def test_other_malformed_files_are_rejected(tmp_path: Path) -> None:
    for number in (1, 2, 3):
        write(tmp_path, f"rte/rte{number}_test.xml", "<c>\n<pair>\n</c>")
    with pytest.raises(DataError, match=r"rte1_test\.xml:3: not XML"):
        read("rte", "test", tmp_path)
    (tmp_path / "sick").mkdir()
    (tmp_path / "sick" / "SICK_train.txt").write_bytes(b"pair_ID\n\xff\n")
    with pytest.raises(DataError, match=r"SICK_train\.txt:2: not UTF-8"):
        read("sick", "train", tmp_path)
