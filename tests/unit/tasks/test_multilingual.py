"""Targets beyond XTREME, COPA and WinoGrande: small files in each official format."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

import xstilts
from xstilts.core.errors import ConfigError, DataError
from xstilts.formats.base import BadRow
from xstilts.formats.classification import TextExample
from xstilts.formats.multiple_choice import ChoiceExample
from xstilts.formats.spec import labels_are_blank
from xstilts.planning.compile import compile_experiment
from xstilts.tasks import TASKS
from xstilts.tasks.multilingual.mgsm import choices_of
from xstilts.tasks.origin import is_local
from xstilts.tasks.validate import validated
from xstilts.testing.task_files import jsonl, task, write
from xstilts.testing.tasks import check_task

TARGETS = ("mgsm-choice", "sib200", "xcopa", "xvnli", "xwinograd")


def read(name: str, split: str, folder: Path, language: str = "en") -> list[ChoiceExample]:
    made = task(name, folder)
    kept, complaints = validated(made.read(split, language), made, split, language)
    assert not complaints.counts
    assert all(isinstance(one, ChoiceExample) for one in kept)
    return [one for one in kept if isinstance(one, ChoiceExample)]


def copa(number: int, question: str = "cause", **more: object) -> dict[str, object]:
    texts = {"premise": f"It fell {number}. ", "choice1": "Cut.", "choice2": "Grew."}
    return {**texts, "question": question, "idx": number, **more}


def grande(**more: object) -> dict[str, object]:
    return {"qID": "q", "sentence": "Ann saw that _ won.", "option1": "x", "option2": "y", **more}


def schema(
    language: str, sentence: str, tokens: list[str], pronoun: list[object], right: int = 0
) -> str:
    candidates = [[name, [0, 1], [name], number == right] for number, name in enumerate(("X", "Y"))]
    cells = [language, "original", "?", sentence]
    return "\t".join([*cells, *map(json.dumps, (tokens, pronoun, candidates))]) + "\n"


WORDS = ["X", "hit", "Y", "as", "it", "ran", "."]
FIRST = schema("en", "X hit Y as it ran.", WORDS, ["it", [4, 5], ["it"]])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for part, number in (("train", 2), ("val", 4)):
        rows = jsonl(copa(number, label=0), copa(number + 1, label=1))
        write(tmp_path, f"xcopa/{part}-en.jsonl", rows)
        write(tmp_path, f"xcopa/sw/{part}.sw.jsonl", rows)
    write(tmp_path, "xcopa/sw/test.sw.jsonl", jsonl(copa(0, label=0), copa(1, label=1)))
    rows = [
        schema(code, f"X it {number}.", ["X", "it"], ["it", [1, 2], ["it"]], number)
        for code in ("en", "fr", "jp", "pt", "ru")
        for number in (0, 1)
    ]
    write(tmp_path, "xwinograd/dataset.tsv", "".join(rows))
    write(tmp_path, "mgsm/mgsm_en.tsv", "".join(f"how {n}?\t{n}\n" for n in range(40, 60)))
    write(tmp_path, "mgsm/mgsm_te.tsv", "".join(f"ఎంత {n}?\t{n}\n" for n in range(40, 60)))
    topics = (
        'index_id\tcategory\ttext\n7{1}\ttravel\tGo {0}.\n5{1}\tsports\t"He said ""go"" {0}."\n'
    )
    for number, split in enumerate(("train", "dev", "test")):
        write(tmp_path, f"sib200/eng_Latn/{split}.tsv", topics.format(split, number))
    pairs = [
        {"gold_label": label, "sentence1": "a", "sentence2": label, "pairID": label}
        for label in ("neutral", "entailment")
    ]
    write(tmp_path, "xvnli/en/test.jsonl", jsonl(*pairs))
    return tmp_path


@pytest.mark.parametrize("name", [*TARGETS, "copa"])
def test_multilingual_tasks_pass_check_task(folder: Path, name: str) -> None:
    made = task(name, folder)
    have = {
        split: tuple(code for code in codes if is_local(made.origin(split, code)))
        for split, codes in made.splits.items()
    }
    assert any(have.values())
    check_task(replace(made, splits=have))


def test_copa_questions_are_phrased_as_in_xtreme(tmp_path: Path) -> None:
    write(tmp_path, "COPA/train.jsonl", jsonl(copa(3, "effect", label=1)))
    write(tmp_path, "COPA/test.jsonl", jsonl(copa(3)))
    (found,) = read("copa", "train", tmp_path)
    assert found.text == "It fell 3. What was the effect?"
    assert (found.id, found.choices, found.label) == ("train-3", ("Cut.", "Grew."), "1")
    (unlabelled,) = read("copa", "test", tmp_path)
    assert (unlabelled.text, unlabelled.label) == ("It fell 3. What was the cause?", "")
    write(tmp_path, "COPA/train.jsonl", jsonl(copa(3, "why", label=1)))
    with pytest.raises(DataError, match=r"train\.jsonl:1: the question is neither cause nor"):
        read("copa", "train", tmp_path)


def test_dummy_labels_of_xtreme_are_detected_and_the_release_takes_precedence(
    tmp_path: Path,
) -> None:
    dummies = jsonl(*(copa(number, label=0) for number in range(30)))
    write(tmp_path, "xtreme/xcopa/test-sw.jsonl", dummies)
    assert labels_are_blank(one.label for one in read("xcopa", "test", tmp_path, "sw"))
    real = jsonl(*(copa(number, label=number % 2) for number in range(30)))
    write(tmp_path, "reasoning/xcopa/sw/test.sw.jsonl", real)
    found = read("xcopa", "test", tmp_path, "sw")
    assert {one.id: one.label for one in found} == {f"test-{n}": str(n % 2) for n in range(30)}


@pytest.mark.parametrize(
    ("split", "files", "wanted"),
    [
        (
            "train",
            {
                "winogrande/train_xl.jsonl": jsonl(grande(answer="1")),
                "winogrande/train_xl-labels.lst": "2\n",
            },
            ("Ann saw that", ("x won.", "y won."), "1"),
        ),
        (
            "dev",
            {"winogrande/dev.jsonl": jsonl(grande(sentence="_ won.", answer="1"))},
            ("_ won.", ("x won.", "y won."), "0"),
        ),
        (
            "test",
            {"winogrande/test.jsonl": jsonl(grande())},
            ("Ann saw that", ("x won.", "y won."), ""),
        ),
    ],
)
def test_winogrande_rows_are_parsed(
    tmp_path: Path, split: str, files: dict[str, str], wanted: object
) -> None:
    for name, text in files.items():
        write(tmp_path, name, text)
    (found,) = read("winogrande", split, tmp_path)
    assert (found.text, found.choices, found.label) == wanted


def test_a_sentence_without_a_blank_is_a_bad_row(tmp_path: Path) -> None:
    write(tmp_path, "winogrande/dev.jsonl", jsonl(grande(sentence="no", answer="1")))
    with pytest.raises(DataError, match=r"dev\.jsonl:1: no blank in the sentence"):
        read("winogrande", "dev", tmp_path)


@pytest.mark.parametrize(
    ("row", "language", "text", "choices", "label"),
    [
        (FIRST, "en", "X hit Y as", ("X ran.", "Y ran."), "0"),
        (  # the second `it`, after quotation marks that the tokens write in another way
            schema("fr", 'a "it" it x', ["a", "``", "it", "''", "it", "x"], ["it", [4, 5], ["it"]]),
            *("fr", 'a "it"', ("X x", "Y x"), "0"),
        ),
        (  # `it` within a word before it
            schema("pt", "a bit it x", ["a", "bit", "it", "x"], ["it", [2, 3], ["it"]], 1),
            *("pt", "a bit", ("X x", "Y x"), "1"),
        ),
        (  # the full stop is a part of the pronoun
            schema("ru", "a его.", ["a", "его", "."], ["его.", [1, 3], ["его", "."]], 1),
            *("ru", "a", ("X.", "Y."), "1"),
        ),
        (  # nothing stands before the pronoun
            schema("jp", "彼は良い。", ["彼", "は良い。"], ["彼", [0, 1], ["彼"]]),
            *("ja", "_は良い。", ("Xは良い。", "Yは良い。"), "0"),
        ),
    ],
)
def test_xwinograd_replaces_the_pronoun_by_the_candidates(
    tmp_path: Path, row: str, language: str, text: str, choices: tuple[str, str], label: str
) -> None:
    other = schema("en" if language != "en" else "fr", "b", ["b"], ["b", [0, 1], ["b"]])
    write(tmp_path, "reasoning/xwinograd/dataset.tsv", other + row)
    (found,) = read("xwinograd", "test", tmp_path, language)
    assert (found.text, found.choices, found.label) == (text, choices, label)
    assert found.id == "test-1"  # the line: sentences of two languages never share an id


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (FIRST.replace("true", "false"), "exactly one correct candidate"),
        (FIRST.replace('["it", [4, 5], ["it"]]', "[]"), "no pronoun with two candidates"),
        (FIRST.replace('["it", [4, 5], ["it"]]', '["she", [4, 5], ["she"]]'), "no pronoun with"),
        (FIRST.replace('["it", [4, 5], ["it"]]', "[it"), "'pronoun' is not JSON"),
        ("en\tX it Y.\n", "wrong number of columns"),
    ],
)
def test_malformed_winograd_schemas_are_bad_rows(tmp_path: Path, row: str, message: str) -> None:
    write(tmp_path, "xwinograd/dataset.tsv", row)
    with pytest.raises(DataError, match=message) as caught:
        read("xwinograd", "test", tmp_path)
    assert "dataset.tsv:1" in str(caught.value)


def test_a_blank_line_keeps_the_ids_of_the_mgsm_problems_below(tmp_path: Path) -> None:
    write(tmp_path, "mgsm/mgsm_te.tsv", "a\t40\n\nb\t41\n\n")
    rows = {one.id: one for one in task("mgsm-choice", tmp_path).read("test", "te")}
    assert rows.keys() == {"test-0", "test-1", "test-2"}
    assert isinstance(rows["test-1"], BadRow)
    assert rows["test-1"].where.endswith("mgsm_te.tsv:2")
    assert rows["test-2"].text == "b"  # type: ignore[union-attr]


def test_mgsm_choices_do_not_reveal_the_answer() -> None:
    places = Counter[int]()
    for number in range(2000):
        numbers, place = choices_of(4 + number * 7, f"test-{number}")
        places[place] += 1
        assert numbers[place] == 4 + number * 7
        assert len({later - one for one, later in pairwise(numbers)}) == 1
        assert 0 <= numbers[0] < numbers[1]
    assert all(340 < places[place] < 460 for place in range(5))
    several = [choices_of(70_000, str(number))[0] for number in range(50)]
    assert {one[1] - one[0] for one in several} == {1000, 2000, 5000}
    assert [choices_of(0, str(n)) for n in range(5)] == [((0, 1, 2, 3, 4), 0)] * 5


def test_translations_of_a_problem_share_its_choices(folder: Path) -> None:
    english, telugu = (read("mgsm-choice", "test", folder, code) for code in ("en", "te"))
    assert [(one.id, one.choices, one.label) for one in english] == [
        (one.id, one.choices, one.label) for one in telugu
    ]
    assert len({one.label for one in english}) > 1
    assert all(one.choices["ABCDE".index(one.label)] in one.text for one in english)


@pytest.mark.parametrize("answer", ["about 5", "-3", "2.5", "٣"])
def test_answers_that_are_not_integers_are_bad_rows(folder: Path, answer: str) -> None:
    write(folder, "mgsm/mgsm_en.tsv", f"how?\t{answer}\n")
    with pytest.raises(DataError, match=r"mgsm_en\.tsv:1: the answer is not an integer"):
        read("mgsm-choice", "test", folder)


def test_answers_with_thousands_separators_are_parsed(folder: Path) -> None:
    write(folder, "mgsm/mgsm_en.tsv", "how?\t2,125\n")
    (found,) = read("mgsm-choice", "test", folder)
    assert found.choices["ABCDE".index(found.label)] == "2125"


@pytest.mark.parametrize("place", ["sib200", "sib-200/data/annotated"])
def test_quotes_are_characters_in_sib200(tmp_path: Path, place: str) -> None:
    rows = 'index_id\tcategory\ttext\n7\ttravel\tGo "on".\n5\tsports\t"He said ""go""."\n'
    write(tmp_path, f"{place}/swh_Latn/test.tsv", rows)
    found = task("sib200", tmp_path).read("test", "sw")
    texts = {(one.id, one.text, one.label) for one in found if isinstance(one, TextExample)}
    assert texts == {("7", 'Go "on".', "travel"), ("5", 'He said "go".', "sports")}


def test_xvnli_pairs_without_a_gold_label_are_skipped(folder: Path) -> None:
    rows = [
        {"gold_label": label, "sentence1": "a", "sentence2": str(number), "pairID": str(number)}
        for number, label in enumerate(["-", *["neutral", "entailment"] * 20])
    ]
    write(folder, "xtreme-m/xvnli/ar/test.jsonl", jsonl(*rows))
    made = task("xvnli", folder)
    kept, complaints = validated(made.read("test", "ar"), made, "test", "ar")
    assert len(kept) == 40
    assert complaints.counts == {"no gold label: the annotators disagreed": 1}


def test_training_tasks_match_format_and_labels_of_their_targets() -> None:
    for name in TARGETS:
        made = TASKS.get(name)
        source = TASKS.get(made.train_task or name)
        assert (source.format, source.labels) == (made.format, made.labels)
        assert {"train", "dev"} <= source.splits.keys()
        assert {("test", code) for code in made.languages} <= made.sizes.keys()
    compile_experiment(xstilts.load("home", [f"targets=[{', '.join(TARGETS)}]", "languages=all"]))


@pytest.mark.parametrize(
    ("target", "splits", "message"),
    [
        ("xvnli", "splits={snli: {train: test, dev: dev}}", "snli would be trained on test"),
        ("xcopa", "splits={copa: {train: test, dev: dev}}", "copa would be trained on test"),
    ],
)
def test_training_on_data_that_a_target_translates_is_rejected(
    target: str, splits: str, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        compile_experiment(xstilts.load("home", [f"targets=[{target}]", "languages=all", splits]))
