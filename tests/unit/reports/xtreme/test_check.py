"""Submissions to XTREME: file formats, and problems that the check finds."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from xstilts.core.errors import DataError
from xstilts.reports.xtreme.check import check_submission
from xstilts.reports.xtreme.layout import PARTS, Form, Part
from xstilts.reports.xtreme.write import WRITERS, answers, labels, numbers, pairs, tags

QUESTIONS = ("q0", "q1")


def write(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def test_labels_are_written_in_the_order_of_the_test_file() -> None:
    rows = [{"id": f"test-{n}", "prediction": f"label {n}"} for n in (10, 2, 0, 1)]
    assert labels(rows) == "label 0\nlabel 1\nlabel 2\nlabel 10\n"


def test_an_unknown_order_is_an_error() -> None:
    with pytest.raises(DataError, match="'abc' does not end in a line number"):
        labels([{"id": "abc", "prediction": "neutral"}])


def test_a_blank_line_separates_sentences() -> None:
    rows = [
        {"id": "test-1", "prediction": ["O"]},
        {"id": "test-0", "prediction": ["B-LOC", "I-LOC"]},
    ]
    assert tags(rows) == "B-LOC\nI-LOC\n\nO\n"


def test_answers_are_ascii_json_with_one_answer_per_id() -> None:
    rows = [
        {"id": name, "prediction": text} for name, text in (("b", "中"), ("a", ""), ("b#2", "x"))
    ]
    assert answers(rows) == '{\n "a": "",\n "b": "\\u4e2d"\n}\n'


def test_pairs_and_line_numbers_are_written() -> None:
    mined = [{"id": "de-2", "prediction": "en-7", "score": 1.2}]
    assert pairs(mined) == "de-2\ten-7\n"
    found = [
        {"id": "1", "direction": "from_en", "prediction": "0", "rank": 1},
        {"id": "0", "direction": "to_en", "prediction": "5", "rank": 1},
        {"id": "0", "direction": "from_en", "prediction": "12", "rank": 3},
    ]
    assert numbers(found) == "0\n12\n"


def test_names_and_languages_are_those_of_evaluate_py() -> None:
    """Source: XTREME (Hu et al. 2020), table 1, and the file names in evaluate.py."""
    assert {part.folder: len(part.languages) for part in PARTS.values()} == {
        "xnli": 15, "pawsx": 7, "udpos": 33, "panx": 40, "xquad": 11, "mlqa": 7, "tydiqa": 9,
        "bucc2018": 4, "tatoeba": 36,
    }  # fmt: skip
    assert PARTS["paws-x"].file("ko") == "pawsx/test-ko.tsv"
    assert PARTS["tydiqa"].file("sw") == "tydiqa/test-sw.json"


SENTENCES = (2, 1)
"""Words of the test sentences below."""


def download_of(part: Part, language: str) -> dict[str, str]:
    """File name → text of a task's test set in XTREME's download, with two examples."""
    question = {"question": "what", "answers": [{"text": "", "answer_start": 0}]}
    asked = [{**question, "id": name} for name in QUESTIONS]
    squad = json.dumps({"data": [{"paragraphs": [{"context": "this", "qas": asked}]}]})
    goldp = f"tydiqa/tydiqa-goldp-v1.1-dev/tydiqa.goldp.{language}.dev.json"
    context = f"mlqa/MLQA_V1/test/test-context-{language}-question-{language}.json"
    bucc = {
        f"bucc2018/{language}-en.test.{code}": f"{code}-1\tx\n{code}-2\ty\n"
        for code in (language, "en")
    }
    return {
        "xnli": {f"xnli/test-{language}.tsv": "a\tb\nc\td\n"},
        "pawsx": {f"pawsx/test-{language}.tsv": "a\tb\nc\td\n"},
        "udpos": {f"udpos/test-{language}.tsv": "a\tX\nb\tX\n\nc\tX\n\n"},
        "panx": {f"panx/test-{language}.tsv": "a\nb\n\nc\n\n"},
        "xquad": {f"xquad/xquad.{language}.json": squad},
        "mlqa": {context: squad},
        "tydiqa": {goldp: squad},
        "bucc2018": bucc,
        "tatoeba": {f"tatoeba/{language}-en.{code}": "x\ny\n" for code in (language, "en")},
    }[part.folder]


def predicted(part: Part, language: str) -> str:
    """A submission for `download_of`."""
    label = {"xnli": "neutral", "pawsx": "1", "udpos": "X", "panx": "O"}.get(part.folder)
    rows = {
        Form.LABELS: [{"id": f"test-{n}", "prediction": label} for n in (1, 0)],
        Form.TAGS: [
            {"id": f"test-{n}", "prediction": [label] * words} for n, words in enumerate(SENTENCES)
        ],
        Form.ANSWERS: [{"id": name, "prediction": "this"} for name in QUESTIONS],
        Form.PAIRS: [{"id": f"{language}-1", "prediction": "en-2", "score": 1.0}],
        Form.NUMBERS: [
            {"id": str(n), "direction": "from_en", "prediction": str(1 - n)} for n in (0, 1)
        ],
    }[part.form]
    return WRITERS[part.form](rows)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for part in PARTS.values():
        for language in part.languages:
            for name, text in download_of(part, language).items():
                write(tmp_path / "data", name, text)
    return tmp_path / "data"


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    for part in PARTS.values():
        for language in part.languages:
            write(tmp_path / "whole", part.file(language), predicted(part, language))
    return tmp_path / "whole"


def test_a_complete_submission_has_no_problems(whole: Path, data: Path) -> None:
    assert check_submission(whole) == []
    assert check_submission(whole, data) == []


def test_the_download_may_be_in_an_xtreme_subfolder(
    whole: Path, data: Path, tmp_path: Path
) -> None:
    outer = tmp_path / "outer"
    outer.mkdir()
    data.rename(outer / "xtreme")
    write(whole, "xnli/test-sw.tsv", "neutral\n")
    assert check_submission(whole, outer) == ["xnli/test-sw.tsv: 1 lines for 2 test examples"]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("xnli/test-ar.tsv", "neutral\nmaybe\n", "xnli/test-ar.tsv:2: 'maybe' is not a label"),
        ("xnli/test-ar.tsv", "neutral\n\n", "xnli/test-ar.tsv:2: blank"),
        ("xnli/test-ar.tsv", "\ufeffneutral\nneutral\n", "xnli/test-ar.tsv:1: '\\ufeffneutral'"),
        ("pawsx/test-ko.tsv", "1\n1\n0\n", "pawsx/test-ko.tsv: 3 lines for 2 test examples"),
        ("panx/test-yo.tsv", "O\nO\n\n\nO\n", "panx/test-yo.tsv:4: extra blank line"),
        ("panx/test-yo.tsv", "O\n\nO\n", "panx/test-yo.tsv:1: sentence 1 has 1 tags for 2 words"),
        ("panx/test-yo.tsv", "O\nO\n", "panx/test-yo.tsv: 1 sentences for 2 test sentences"),
        ("udpos/test-yo.tsv", "X\nY\n\nX\n", "udpos/test-yo.tsv:2: 'Y' is not a label"),
        ("xquad/test-en.json", '{"q0": ""}', "xquad/test-en.json: no answer to question 'q1'"),
        (
            "xquad/test-en.json",
            '{"q0": "",\n"q1": "",\n"q2": ""}',
            "xquad/test-en.json:3: 'q2' is not a question of the test set",
        ),
        ("mlqa/test-zh.json", '{"q0": 1,\n"q1": ""}', "mlqa/test-zh.json:1: the answer to 'q0'"),
        (
            "mlqa/test-zh.json",
            '{"q1": "",\n"q0": "",\n"q0": ""}',
            "mlqa/test-zh.json:2: 'q0' is answered 2 times",
        ),
        ("tydiqa/test-te.json", '{"q0": "",\n', "tydiqa/test-te.json:2: not JSON"),
        ("tydiqa/test-te.json", "[]", "tydiqa/test-te.json:1: expected one JSON object"),
        ("tydiqa/test-te.json", '{"data": "x"}', "tydiqa/test-te.json:1: key 'data'"),
        ("bucc2018/test-fr.tsv", "en-1\tfr-1\n", "bucc2018/test-fr.tsv:1: 'en-1' is not an id"),
        ("bucc2018/test-fr.tsv", "fr-1\ten-9\n", "bucc2018/test-fr.tsv:1: 'en-9' is not an id"),
        ("bucc2018/test-fr.tsv", "fr-1 en-1\n", "bucc2018/test-fr.tsv:1: 1 columns"),
        ("bucc2018/test-fr.tsv", "", "bucc2018/test-fr.tsv: no pairs"),
        ("tatoeba/test-jv.tsv", "0\n2\n", "tatoeba/test-jv.tsv:2: 2 is beyond the last line"),
        ("tatoeba/test-jv.tsv", "0\n1.0\n", "tatoeba/test-jv.tsv:2: '1.0' is not a line number"),
        ("tatoeba/test-jv.tsv", "0\n01\n", "tatoeba/test-jv.tsv:2: '01' is not a line number"),
        ("tatoeba/test-jv.tsv", "0\n", "tatoeba/test-jv.tsv: 1 lines for 2 English lines"),
        ("tatoeba/test-en.tsv", "0\n", "tatoeba/test-en.tsv: evaluate.py does not read this file"),
        ("wikiann/test-en.tsv", "O\n", "wikiann: not a task folder"),
    ],
)
def test_every_problem_is_named(
    whole: Path, data: Path, name: str, text: str, message: str
) -> None:
    write(whole, name, text)
    found = check_submission(whole, data)
    assert any(problem.startswith(message) for problem in found), found


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: (folder / "mlqa/test-hi.json").unlink(), "mlqa/test-hi.json: no such file"),
        (lambda folder: (folder / "mlqa").rename(folder / ".mlqa"), "mlqa: no such folder"),
        (lambda folder: (folder / "xnli/test-en.tsv").write_bytes(b"\xff\n"), "xnli/test-en.tsv: "),
    ],
)
def test_missing_and_unreadable_files_are_named(
    whole: Path, damage: Callable[[Path], object], message: str
) -> None:
    damage(whole)
    (found,) = check_submission(whole)
    assert found.startswith(message)


def test_many_problems_are_summarised(whole: Path) -> None:
    write(whole, "xnli/test-en.tsv", "maybe\n" * 1000)
    found = check_submission(whole)
    assert len(found) == 6
    assert found[-1] == "xnli/test-en.tsv: 995 more problems"


def test_a_broken_test_file_is_not_used_as_reference(whole: Path, data: Path) -> None:
    write(data, "xnli/test-en.tsv", "a\tb\nc\n")
    (found,) = check_submission(whole, data)
    assert "cannot be compared with the test set: not two texts and a label" in found
    assert "test-en.tsv:2" in found
