"""Translating prepared rows: kept and dropped rows, and resuming to the same bytes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from xstilts.config.experiment import TranslatorConfig
from xstilts.core.artifact import Artifact
from xstilts.core.errors import ConfigError, DataError
from xstilts.core.stage import Stage
from xstilts.formats import FORMATS
from xstilts.formats.answer_alignment import locate_answer
from xstilts.formats.input_hashes import row_hashes
from xstilts.stages import STAGE_KINDS, translate
from xstilts.stages.base import StageContext
from xstilts.stages.io.prepared_inputs import INPUTS
from xstilts.stages.io.rows import read_rows, write_rows
from xstilts.stages.prepare import ROWS
from xstilts.testing.tiny import in_language, sentences
from xstilts.translate import key_params
from xstilts.translate.resume import FILE, TranslatedBatch, TranslationLog

Row = dict[str, Any]


def work_on(
    folder: Path,
    rows: list[Row],
    kind: str,
    table: dict[str, str],
    tell: Callable[[dict[str, Any]], None] = lambda facts: None,
) -> StageContext:
    """A translate stage over the rows, with a table for its engine."""
    for name in ("rows", "out"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    write_rows(folder / "rows" / ROWS, rows)
    lines = "".join(f"{text}\t{translation}\n" for text, translation in table.items())
    (folder / "t.tsv").write_text(lines, encoding="utf-8")
    choice = TranslatorConfig(engine="table", options={"files": "t.tsv"})
    params = {
        "translator": key_params(choice, "en", "xx", folder, "toy"),
        "source": "en",
        "target": "xx",
        "format": kind,
    }
    context = {"translator": choice.model_dump(), "folder": str(folder), "task": "toy"}
    version = STAGE_KINDS.get("translate").version
    stage = Stage("translate", version, params, {}, "translate toy", context=context)
    inputs = {"rows": Artifact("0" * 64, folder, "rows")}
    return StageContext(stage, inputs, folder / "out", folder / "checkpoints", tell)


def outcome(folder: Path, rows: list[Row], kind: str, table: dict[str, str]) -> Any:
    work = work_on(folder, rows, kind, table)
    facts = STAGE_KINDS.get("translate").run(work)
    return read_rows(work.folder / ROWS), facts


def test_a_translation_of_spaces_is_none(tmp_path: Path) -> None:
    rows = [
        {"id": str(number), "text": text, "label": "no", "text_pair": None}
        for number, text in enumerate(("a cat", "a dog"))
    ]
    found, facts = outcome(tmp_path, rows, "classification", {"a cat": " ", "a dog": "un perro"})
    assert [row["text"] for row in found] == ["un perro"]
    assert facts["dropped"] == {"no translation": 1}


def test_inputs_are_those_of_the_translated_rows(tmp_path: Path) -> None:
    rows = [{"id": "1", "text": "a cat", "label": "no", "text_pair": None}]
    work = work_on(tmp_path, rows, "classification", {"a cat": "un gato"})
    STAGE_KINDS.get("translate").run(work)
    spec, expected = FORMATS.get("classification"), [{**rows[0], "text": "un gato"}]
    assert (work.folder / INPUTS).read_bytes() == row_hashes(spec, expected).tobytes()


def test_texts_are_translated_and_ids_and_labels_kept(tmp_path: Path) -> None:
    rows = [
        {"id": "1", "text": "a cat", "label": "no", "text_pair": "a dog"},
        {"id": "2", "text": "a dog", "label": "yes", "text_pair": None},
        {"id": "3", "text": "a cow", "label": "yes", "text_pair": "a cat"},
    ]
    found, facts = outcome(
        tmp_path, rows, "classification", {"a cat": "un gato", "a dog": "un perro"}
    )
    assert found == [
        {"id": "1", "text": "un gato", "label": "no", "text_pair": "un perro"},
        {"id": "2", "text": "un perro", "label": "yes", "text_pair": None},
    ]
    assert facts == {
        "rows": 2,
        "available": 3,
        "dropped": {"no translation": 1},
        "texts": 3,
        "untranslated": 1,
        "unknown_words": 0,
    }


def test_every_choice_is_translated(tmp_path: Path) -> None:
    rows = [{"id": "1", "text": "a", "choices": ["b", "c", "b"], "label": "1"}]
    found, facts = outcome(tmp_path, rows, "multiple_choice", {"a": "A", "b": "B", "c": "C"})
    assert found == [{"id": "1", "text": "A", "choices": ["B", "C", "B"], "label": "1"}]
    assert facts["texts"] == 3


def question(number: str, context: str, *answers: tuple[str, int]) -> Row:
    return {
        "id": number,
        "question": "who?",
        "context": context,
        "answers": [answer for answer, _ in answers],
        "starts": [start for _, start in answers],
    }


def test_a_question_is_kept_if_its_first_answer_is_found(tmp_path: Path) -> None:
    rows = [
        question("exact", "Ann saw Bob.", ("Bob", 8), ("saw Bob", 4)),
        question("case", "Ann saw Bob.", ("Ann", 0)),
        question("lost", "Ann saw Bob.", ("saw", 4), ("Bob", 8)),
        question("none", "Ann saw Bob."),
    ]
    table = {
        "who?": "qui ?",
        "Ann saw Bob.": "C’est ÉMILE que vit Ana, et non Bob.",
        "Bob": "Bob",
        "saw Bob": "vu Bob",
        "Ann": "émile",
        "saw": "voir",
    }
    found, facts = outcome(tmp_path, rows, "span", table)
    assert [(row["id"], row["answers"], row["starts"]) for row in found] == [
        ("exact", ["Bob"], [32]),
        ("case", ["ÉMILE"], [6]),
        ("none", [], []),
    ]
    assert all(row["question"] == "qui ?" for row in found)
    assert facts["dropped"] == {"answer not in the translated context": 1}


@pytest.mark.parametrize(
    ("answer", "context", "share", "language", "expected"),
    [
        ("gato", "gato y gato", 0.0, "es", (0, 4)),
        ("gato", "gato y gato", 0.7, "es", (7, 11)),
        ("5", "en 1985", 0.5, "es", None),
        ("5", "en 1985 a las 5", 0.5, "es", (14, 15)),
        ("北京", "我在北京住", 0.0, "zh", (2, 4)),
        ("ÑANDÚ", "un ñandú (Rhea)", 0.0, "es", (3, 8)),
        ("İzmir", "İstanbul i̇zmir İzmir", 0.0, "tr", (16, 21)),
        ("a+b", "es a+b.", 0.0, "es", (3, 6)),
        ("C++", "usa C++.", 0.0, "es", (4, 7)),
        (" ", "es a b", 0.0, "es", None),
    ],
)
def test_translated_answers_are_located_near_their_original_position(
    answer: str, context: str, share: float, language: str, expected: tuple[int, int] | None
) -> None:
    assert locate_answer(answer, "?", context, share, language) == expected


def test_untranslated_names_are_located() -> None:
    assert locate_answer("Enrique Plitt", "Henry Plitt", "vendido a Henry Plitt.", 0, "es") == (
        10,
        21,
    )
    assert locate_answer("Enrique Plitt", "henry Plitt", "vendido a Henry Plitt.", 0, "es") is None


def test_tagging_rows_cannot_be_translated(tmp_path: Path) -> None:
    rows = [{"id": "1", "tokens": ["a"], "tags": ["O"]}]
    with pytest.raises(ConfigError, match="labels are per word"):
        outcome(tmp_path, rows, "tagging", {})


def test_translating_no_row_is_an_error_with_reasons(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no example is left \(no translation: 1\)"):
        outcome(tmp_path, [{"id": "1", "text": "a", "meaning": "m"}], "retrieval", {})


def test_a_translator_that_changed_after_planning_is_rejected(tmp_path: Path) -> None:
    work = work_on(tmp_path, [{"id": "1", "text": "a", "meaning": "m"}], "retrieval", {"a": "A"})
    (tmp_path / "t.tsv").write_text("a\tX\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="differs from the translator of the plan"):
        translate.run(work)


# stopping

TEXTS = [text for text, _, _ in sentences("train", 20)]
ROWS_ = [{"id": str(number), "text": text, "meaning": "m"} for number, text in enumerate(TEXTS)]
TABLE = {text: in_language(text, "xx") for text in TEXTS if not text.endswith("7")}


def made(folder: Path, stop: int | None = None) -> tuple[bytes, dict[str, Any], list[str]]:
    """A run that stops after a number of batches, or its bytes, facts and notes."""

    def halt(facts: dict[str, Any]) -> None:
        if facts["step"] == stop:
            raise KeyboardInterrupt

    work = work_on(folder, ROWS_, "retrieval", TABLE, halt)
    facts = translate.run(work)
    return (work.folder / ROWS).read_bytes(), facts, work.notes


@pytest.fixture
def whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[bytes, dict[str, Any]]:
    monkeypatch.setattr(translate, "BATCH", 3)
    rows, facts, notes = made(tmp_path / "whole")
    assert notes == []
    return rows, facts


@pytest.mark.parametrize("stop", [1, 6, 7])
def test_an_interrupted_stage_resumes_to_the_same_bytes(
    whole: tuple[bytes, dict[str, Any]], tmp_path: Path, stop: int
) -> None:
    with pytest.raises(KeyboardInterrupt):
        made(tmp_path / "parts", stop)
    rows, facts, notes = made(tmp_path / "parts")
    assert (rows, facts) == whole
    assert notes == [f"resumed after {stop} of 7 batches"]


@pytest.mark.parametrize(
    ("damage", "left"),
    [
        (lambda data: data[:-9], 3),
        (lambda data: data + b'{"translations": ["x"', 4),
        (lambda data: data.replace(b"het", b"hat", 1), 0),
        (lambda data: b"\xff\n" + data, 0),
    ],
)
def test_a_damaged_translation_log_is_resumed_up_to_the_damage(
    whole: tuple[bytes, dict[str, Any]], tmp_path: Path, damage: Callable[[bytes], bytes], left: int
) -> None:
    with pytest.raises(KeyboardInterrupt):
        made(tmp_path / "parts", 4)
    path = tmp_path / "parts" / "checkpoints" / FILE
    path.write_bytes(damage(path.read_bytes()))
    rows, facts, notes = made(tmp_path / "parts")
    assert (rows, facts) == whole
    assert notes == ([f"resumed after {left} of 7 batches"] if left else [])


def test_unknown_words_are_recorded(tmp_path: Path) -> None:
    finished = TranslationLog(tmp_path / "new")
    assert finished.read() == []
    finished.add(TranslatedBatch(["é\n", ""], 2))
    finished.add(TranslatedBatch(["b"]))
    assert finished.read() == [TranslatedBatch(["é\n", ""], 2), TranslatedBatch(["b"], 0)]
