"""English tasks: a small file in each official format."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from xstilts.core.errors import DataError
from xstilts.formats.classification import TextExample
from xstilts.formats.multiple_choice import ChoiceExample
from xstilts.formats.tagging import TaggedExample
from xstilts.tasks import TASKS
from xstilts.tasks.origin import describe_origins, is_local
from xstilts.tasks.validate import validated
from xstilts.testing.task_files import jsonl, task, write

Pair = tuple[str, str | None, str]
MNLI_COLUMNS = "gold_label\tsentence1\tsentence2\tpairID\tlabel1\tlabel2"
GLUE_COLUMNS = "sentence1\tsentence2\tpairID\tgold_label"
QQP_COLUMNS = "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate"
MRPC_COLUMNS = "Quality\t#1 ID\t#2 ID\t#1 String\t#2 String"
SICK_COLUMNS = "pair_ID\tsentence_A\tsentence_B\trelatedness_score\tentailment_judgment"


def nli(label: str, name: str = "1n") -> dict[str, str]:
    return {"sentence1": "a", "sentence2": "b", "gold_label": label, "pairID": name}


def read(name: str, split: str, folder: Path) -> list[Any]:
    made = task(name, folder)
    assert is_local(made.origin(split, "en"))
    return list(validated(made.read(split, "en"), made, split, "en")[0])


def pairs(found: list[Any]) -> set[Pair]:
    assert all(isinstance(one, TextExample) for one in found)
    return {(one.text, one.text_pair, one.label) for one in found}


@pytest.mark.parametrize(
    ("name", "split", "files", "wanted"),
    [
        (
            *("mnli", "train"),
            {"mnli/multinli_1.0_train.jsonl": jsonl(nli("neutral"), nli("contradiction", "2c"))},
            {("a", "b", "neutral"), ("a", "b", "contradiction")},
        ),
        (
            *("mnli", "dev"),
            {"multinli_1.0/multinli_1.0_dev_matched.txt": f"{MNLI_COLUMNS}\nneutral\ta\tb\t1\tn\n"},
            {("a", "b", "neutral")},
        ),
        (
            *("mnli", "dev"),
            {"MNLI/dev_matched.tsv": f'{GLUE_COLUMNS}\na "\tb\t1\tneutral'},
            {('a "', "b", "neutral")},
        ),
        (
            *("mnli", "test"),
            {"MNLI/test_matched.tsv": "index\tsentence1\tsentence2\r\n0\ta\tb\r\n"},
            {("a", "b", "")},
        ),
        (
            *("snli", "test"),
            {"snli_1.0/snli_1.0_test.jsonl": jsonl(nli("entailment"))},
            {("a", "b", "entailment")},
        ),
        (*("snli", "dev"), {"snli/dev.tsv": "a\tb\tneutral\n"}, {("a", "b", "neutral")}),
        (
            *("anli", "train"),
            {
                f"anli/R{number}/train.jsonl": jsonl(
                    {"uid": str(number), "context": "a", "hypothesis": number, "label": letter}
                )
                for number, letter in zip((1, 2, 3), "cen", strict=True)
            },
            {("a", "1", "contradiction"), ("a", "2", "entailment"), ("a", "3", "neutral")},
        ),
        (
            *("sick", "dev"),
            {"sick/SICK_trial.txt": f"{SICK_COLUMNS}\r\n4\ta\tb\t3.6\tCONTRADICTION\r\n"},
            {("a", "b", "contradiction")},
        ),
        (
            *("qqp", "train"),
            {"QQP/train.tsv": f'{QQP_COLUMNS}\n7\t1\t2\t"why\thow"\t1\n'},
            {('"why', 'how"', "1")},
        ),
        (
            *("qqp", "test"),
            {"qqp/test.tsv": "id\tquestion1\tquestion2\n7\ta\tb\n"},
            {("a", "b", "")},
        ),
        (
            *("mrpc", "dev"),
            {"mrpc/val.tsv": f'\ufeff{MRPC_COLUMNS}\r\n1\t5\t6\t"a" x\tb\r\n0\t7\t8\tc\td\r\n'},
            {('"a" x', "b", "1"), ("c", "d", "0")},
        ),
        (
            *("rte", "dev"),
            {
                "rte/rte1_dev.xml": "<c><pair id='1' value='TRUE'><t>a</t><h>b</h></pair></c>",
                "rte/rte2_dev.xml": "<c><pair id='1' entailment='NO'><t>c</t><h>d</h></pair></c>",
                "rte/rte3_dev.xml": "<c><pair id='1' entailment='YES'><t>e</t><h>f</h></pair></c>",
            },
            {("a", "b", "entailment"), ("c", "d", "not_entailment"), ("e", "f", "entailment")},
        ),
    ],
)
def test_sentence_pair_tasks_read_official_files(
    tmp_path: Path, name: str, split: str, files: Mapping[str, str], wanted: set[Pair]
) -> None:
    for file, text in files.items():
        write(tmp_path, file, text)
    found = read(name, split, tmp_path)
    assert pairs(found) == wanted
    assert len({one.id for one in found}) == len(wanted)


CHOICES = {
    "hellaswag": {
        "ctx_a": "He sits.",
        "ctx_b": "he",
        "ctx": "He sits. he",
        "endings": ["a", "b", "c", "d"],
        "label": 2,
    },
    "commonsenseqa": {
        "id": "x",
        "answerKey": "B",
        "question": {
            "stem": "why?",
            "choices": [{"label": letter, "text": letter.lower()} for letter in "BACDE"],
        },
    },
    "piqa": {"goal": "go", "sol1": "a", "sol2": "b", "label": 1},
    "socialiqa": {
        "context": "They left.",
        "question": "why?",
        "correct": "C",
        "answerA": "a",
        "answerB": "b",
        "answerC": "c",
    },
}


@pytest.mark.parametrize(
    ("name", "file", "wanted"),
    [
        ("hellaswag", "hellaswag_val", ("He sits.", ("he a", "he b", "he c", "he d"), "2")),
        ("commonsenseqa", "dev", ("why?", ("a", "b", "c", "d", "e"), "B")),
        ("commonsenseqa", "dev_rand_split", ("why?", ("a", "b", "c", "d", "e"), "B")),
        ("piqa", "valid", ("go", ("a", "b"), "1")),
        ("socialiqa", "socialIQa_v1.4_dev", ("They left. why?", ("a", "b", "c"), "C")),
    ],
)
def test_multiple_choice_tasks_read_official_files(
    tmp_path: Path, name: str, file: str, wanted: tuple[str, tuple[str, ...], str]
) -> None:
    write(tmp_path, f"{name}/{file}.jsonl", jsonl(CHOICES[name]))
    (found,) = read(name, "dev", tmp_path)
    assert isinstance(found, ChoiceExample)
    assert (found.text, found.choices, found.label) == wanted


@pytest.mark.parametrize(
    ("name", "file", "labels", "wanted"),
    [("piqa", "train", "0\n1\n", ["0", "1"]), ("socialiqa", "train", "3\n1\n", ["C", "A"])],
)
def test_labels_in_a_separate_file_are_read(
    tmp_path: Path, name: str, file: str, labels: str, wanted: list[str]
) -> None:
    row = {key: value for key, value in CHOICES[name].items() if key not in ("label", "correct")}
    write(tmp_path, f"{name}/{file}.jsonl", jsonl(row, row))
    write(tmp_path, f"{name}/{file}-labels.lst", labels)
    found = sorted(read(name, "train", tmp_path), key=lambda one: one.id)
    assert [one.label for one in found] == wanted
    write(tmp_path, f"{name}/{file}-labels.lst", "1\n")
    with pytest.raises(DataError, match="1 labels for the 2 rows"):
        read(name, "train", tmp_path)


def test_cosmosqa_reads_quoted_line_breaks(tmp_path: Path) -> None:
    text = (
        'id,context,question,answer0,answer1,answer2,answer3,label\n7,"a\n""b""",why?,p,q,r,s,3\n'
    )
    write(tmp_path, "cosmosqa/valid.csv", text)
    (found,) = read("cosmosqa", "dev", tmp_path)
    assert found == ChoiceExample("7", 'a\n"b" why?', ("p", "q", "r", "s"), "3", found.where)
    assert str(found.where).endswith("valid.csv:2")


def test_conll2000_counts_and_keeps_stray_tags(tmp_path: Path) -> None:
    write(tmp_path, "conll2000/train.txt", "The DT B-NP\ncat NN I-NP\n\nran V I-VP\n. . O\n\n")
    made = task("conll2000", tmp_path)
    kept, complaints = validated(made.read("train", "en"), made, "train", "en")
    assert {one.tags for one in kept if isinstance(one, TaggedExample)} == {
        *(("B-NP", "I-NP"), ("I-VP", "O"))
    }
    assert complaints.counts == {"I- tag without its B-, kept": 1}
    assert complaints.first[0].endswith("train.txt:4: I- tag without its B-, kept: I-VP")


@pytest.mark.parametrize(
    "text",
    [
        "We|PRP|NP eat|VBP|S\\NP a|b|NN|N\nGo|VB|S\n",
        "We\tNP\neat\tS\\NP\na|b\tN\n\nGo\tS\n",
        "We\tPRP\tNP\neat\tVBP\tS\\NP\na|b\tNN\tN\n\nGo\tVB\tS\n",
    ],
)
def test_ccg_labels_come_from_the_files(tmp_path: Path, text: str) -> None:
    write(tmp_path, "ccg/train.txt", text)
    made = task("ccg", tmp_path)
    assert made.labels == ("N", "NP", "S", "S\\NP")
    first = made.fingerprint("train", "en")
    found = {(one.tokens, one.tags) for one in read("ccg", "train", tmp_path)}
    assert found == {(("We", "eat", "a|b"), ("NP", "S\\NP", "N")), (("Go",), ("S",))}
    write(tmp_path, "ccg/dev.txt", "Rain|NN|NX\n")
    made = task("ccg", tmp_path)
    assert made.labels == ("N", "NP", "NX", "S", "S\\NP")
    assert made.fingerprint("train", "en") != first
    assert len(read("ccg", "dev", tmp_path)) == 1


def squad(**question: object) -> str:
    qas = [{"id": "q", "question": "who?", "answers": [], **question}]
    return json.dumps({"data": [{"paragraphs": [{"context": "Ann ran.", "qas": qas}]}]})


def test_squad_reads_its_copy_without_the_articles_of_xquad(tmp_path: Path) -> None:
    answered = squad(answers=[{"text": "Ann", "answer_start": 0}])
    write(tmp_path, "squad/dev-v1.1.minus-xquad.json", answered)
    assert task("squad-v1", tmp_path).origin("dev", "en")
    assert task("xquad", tmp_path).fingerprint("dev", "en") == task(
        "squad-v1", tmp_path
    ).fingerprint("dev", "en")
    (found,) = read("squad-v1", "dev", tmp_path)
    assert found.answers == ("Ann",)
    write(tmp_path, "squad/dev-v1.1.json", answered)  # what XQuAD translates comes second
    assert str(task("squad-v1", tmp_path).origin("dev", "en")[0]).endswith("minus-xquad.json")
    write(tmp_path, "squad/train-v2.0.json", squad(is_impossible=True))
    (found,) = read("squad-v2", "train", tmp_path)
    assert found.answers == ()


def test_anli_plus_concatenates_its_tasks(tmp_path: Path) -> None:
    write(tmp_path, "snli/dev.tsv", "a\tb\tneutral\n")
    write(tmp_path, "mnli/multinli_1.0_dev_matched.jsonl", jsonl(nli("entailment")))
    made = task("anli-plus", tmp_path)
    assert "facebook/anli@8e48" in describe_origins(made.origin("dev", "en"))
    for number in (1, 2, 3):
        row = {"uid": f"u{number}", "context": "c", "hypothesis": str(number), "label": "c"}
        write(tmp_path, f"anli/R{number}/dev.jsonl", jsonl(row))
    before = task("anli-plus", tmp_path).fingerprint("dev", "en")
    found = read("anli-plus", "dev", tmp_path)
    assert {one.id for one in found} == {
        *("snli:dev-0", "mnli:1n", "anli:u1", "anli:u2", "anli:u3")
    }
    assert TASKS.get("anli-plus").labels == TASKS.get("xnli").labels
    write(tmp_path, "snli/dev.tsv", "a\tb\tentailment\n")
    assert task("anli-plus", tmp_path).fingerprint("dev", "en") != before


def rows(count: int, bad: Mapping[str, object] | str) -> str:
    good = jsonl(
        *(nli("neutral", str(number)) | {"sentence1": str(number)} for number in range(count))
    )
    return good + (bad if isinstance(bad, str) else jsonl(bad))
