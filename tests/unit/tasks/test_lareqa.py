"""LAReQA's files: questions, candidates, and what of them cannot be used."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from xstilts.config.split_slices import SplitSlice
from xstilts.core.errors import ConfigError, DataError
from xstilts.formats.base import BadRow
from xstilts.formats.io.squad_sentences import IN_NO_SENTENCE
from xstilts.tasks import TASKS
from xstilts.tasks.base import TaskSpec
from xstilts.tasks.data_check import SplitState, check_split
from xstilts.tasks.validate import validated

CONTEXT = "Cats sleep. Dogs run. Cats sleep. Birds fly far away."
BREAKS = [[0, 12], [12, 22], [22, 34], [34, 53]]


def question(name: str, start: int) -> dict[str, Any]:
    return {
        "id": name,
        "question": f"{name}?",
        "answers": [{"text": CONTEXT[start : start + 2], "answer_start": start}],
    }


def paragraph(*questions: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {"context": CONTEXT, "qas": list(questions), "sentence_breaks": BREAKS, **changes}


def write(folder: Path, *paragraphs: Any, name: str = "xquad-r/de.json") -> TaskSpec:
    path = folder / "lareqa" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"data": [{"paragraphs": list(paragraphs)}]}))
    task = TASKS.get("lareqa-mlqa-r" if "mlqa" in name else "lareqa-xquad-r")
    assert task.with_data_dir
    return task.with_data_dir(folder)


def test_questions_and_the_sentences_that_answer_them_share_a_key(tmp_path: Path) -> None:
    task = write(tmp_path, paragraph(question("a", 13), question("b", 40), question("c", 14)))
    questions, candidates = (
        {one.id: one for one in task.read("test", code)} for code in ("de", "candidates:de")
    )
    assert {name: one.keys for name, one in questions.items()} == {
        "a": ("a",),
        "b": ("b",),
        "c": ("c",),
    }
    assert {name: (one.text, one.keys) for name, one in candidates.items()} == {
        "de_1_0": ("Cats sleep. ", ()),
        "de_1_1": ("Dogs run. ", ("a", "c")),
        "de_1_2": ("Cats sleep. ", ()),
        "de_1_3": ("Birds fly far away.", ("b",)),
    }
    assert {one.context for one in candidates.values()} == {CONTEXT}
    assert {one.group for one in (*questions.values(), *candidates.values())} == {"a"}


def test_a_sentence_that_occurs_twice_in_a_paragraph_is_right_twice(tmp_path: Path) -> None:
    task = write(tmp_path, paragraph(question("a", 22)))
    kept, problems = validated(task.read("test", "candidates:de"), task, "test", "candidates:de")
    assert sorted(one.id for one in kept if one.keys) == ["de_1_0", "de_1_2"]
    assert problems.counts == {"duplicate row, kept": 1}


def test_paragraphs_without_answered_questions_have_no_candidates(tmp_path: Path) -> None:
    task = write(tmp_path, paragraph(), paragraph(question("a", 0)))
    assert {one.id[:4] for one in task.read("test", "candidates:de")} == {"de_2"}


@pytest.mark.parametrize(
    ("broken", "problem"),
    [
        (paragraph(question("b", 12), sentence_breaks=[[0, 12]]), IN_NO_SENTENCE),
        (paragraph(question("b", 0), sentence_breaks=[[0, 99]]), "outside its paragraph"),
        (paragraph(question("b", 0), sentence_breaks=[3]), "sentence_breaks"),
        (paragraph({"id": "b", "question": "b?", "answers": []}), "no answer"),
        (paragraph({"id": "b", "answers": [{"answer_start": 0}]}), "question"),
        ({"context": CONTEXT, "qas": [question("b", 0)]}, "sentence_breaks"),
        (paragraph(question("b", 0), context=["b"]), "context"),
        ("no paragraph", "context"),
    ],
)
def test_what_cannot_be_read_is_a_bad_row_with_its_position(
    tmp_path: Path, broken: Any, problem: str
) -> None:
    good = [paragraph(*(question(f"a{n}", 0) for n in range(30)))]
    task = write(tmp_path, *good, broken)
    rows = list(task.read("test", "de"))
    (bad,) = (row for row in rows if isinstance(row, BadRow))
    assert len(rows) == 31
    assert problem in bad.problem
    assert "paragraphs[1]" in (bad.where or "")
    assert sum(not isinstance(row, BadRow) for row in task.read("test", "candidates:de")) >= 4


def test_a_file_without_sentence_breaks_is_refused(tmp_path: Path) -> None:
    plain = {"context": CONTEXT, "qas": [question("a", 0)]}
    task = write(tmp_path, plain)
    with pytest.raises(DataError, match="sentence_breaks"):
        validated(task.read("test", "de"), task, "test", "de")
    assert check_split(task, "test", "candidates:de", tmp_path).state is SplitState.BROKEN


def test_a_slice_keeps_paragraphs_in_one_piece_and_aligned(tmp_path: Path) -> None:
    paragraphs = [paragraph(question(f"{n}a", 0), question(f"{n}b", 40)) for n in range(40)]
    write(tmp_path, *paragraphs, name="xquad-r/en.json")
    task, half = write(tmp_path, *paragraphs), SplitSlice("test", 0, 50)
    kept = {
        code: {
            one.group for one in task.read("test", code) if half.contains(task.alignment_key(one))
        }
        for code in ("de", "en", "candidates:de", "candidates:en")
    }
    assert 5 < len(kept["de"]) < 35
    assert all(groups == kept["de"] for groups in kept.values())


def test_mlqa_r_is_read_from_either_folder(tmp_path: Path) -> None:
    for folder in ("mlqa-dev-r", "mlqa-r"):
        task = write(tmp_path / folder, paragraph(question("a", 0)), name=f"{folder}/de.json")
        assert [one.id for one in task.read("test", "de")] == ["a"]
    with pytest.raises(ConfigError, match="lareqa/mlqa-dev-r/de.json"):
        TASKS.get("lareqa-mlqa-r").read("test", "de")


def test_the_pool_has_the_published_sizes() -> None:
    task = TASKS.get("lareqa-xquad-r")
    assert sum(task.sizes["test", language] for language in task.languages) == 13_090
    assert sum(task.sizes["test", part] for part in task.pool_parts) == 13_014
    assert len(task.pool_parts) == len(task.languages) == 11
