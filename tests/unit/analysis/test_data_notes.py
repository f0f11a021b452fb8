"""Rows that were left out are noted in results, on the terminal and in the report."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from xstilts.analysis.data_notes import DataNote, plan_data_notes, with_data_notes
from xstilts.analysis.run_states import with_notes
from xstilts.cli.output.run import show_data_notes
from xstilts.core.stage import Stage
from xstilts.core.store import Store
from xstilts.formats.classification import TextExample
from xstilts.reports.sections import data_section
from xstilts.stages.prepare import ROWS
from xstilts.tasks.row_problems import RowProblems, recorded_problems

PARAMS = {"task": "mine", "split": "test", "language": "de"}
PROBLEMS = {
    "empty text": 2,
    "header line, left out": 1,
    "duplicate row, kept": 4,
    "blank label, kept and not scored": 3,
}


KEPT_KINDS = ("duplicate row, kept", "blank label, kept and not scored")
FACTS = {
    "of this version": {
        "problems": PROBLEMS,
        "kept_problems": {kind: PROBLEMS[kind] for kind in KEPT_KINDS},
    },
    "of an earlier version": {"problems": PROBLEMS},
}


@pytest.fixture(params=FACTS)
def stages(tmp_path: Path, request: pytest.FixtureRequest) -> tuple[Store, list[Stage]]:
    """A prepared set with problems, and a prediction and a score that build on it."""
    store = Store(tmp_path / "store").prepare()
    rows = Stage("prepare", 1, PARAMS, {}, label="prepare mine test de")
    predicted = Stage("predict", 1, {}, {"rows": rows.key}, label="predict mine de")
    score = Stage("score", 1, {}, {"predictions": predicted.key, "rows": rows.key}, label="score")
    facts = [
        {"rows": 40, **FACTS[request.param]},
        {"rows": 40, "feature_problems": {"word without a sub-word, not read": 5}},
        {"scores": {}},
    ]
    made = [rows, predicted, score]
    for stage, held in zip(made, facts, strict=True):
        with store.staging(stage.key) as folder:
            store.publish(stage, folder, held, {})
    return store, made


def test_notes_say_what_was_left_out_and_what_was_kept(stages: tuple[Store, list[Stage]]) -> None:
    store, made = stages
    rows, predicted = plan_data_notes(made, store)
    assert rows.left_out == {"empty text": 2, "header line, left out": 1}
    assert rows.kept == {"duplicate row, kept": 4, "blank label, kept and not scored": 3}
    assert (rows.name, rows.rows) == ("mine test de", 40)
    assert predicted.unread == {"word without a sub-word, not read": 5}


def test_examples_that_a_translation_drops_are_noted(tmp_path: Path) -> None:
    store = Store(tmp_path / "store").prepare()
    made = [Stage("translate", 1, {"n": n}, {}, label=f"translate mine train {n}") for n in "ab"]
    for stage, dropped in zip(made, ({"no translation": 38}, {}), strict=True):
        with store.staging(stage.key) as folder:
            store.publish(stage, folder, {"rows": 62, "dropped": dropped}, {})
    (note,) = plan_data_notes(made, store)
    assert note.changes_scores
    assert note.text == "translate mine train a: 38 rows left out: no translation 38"


def test_results_of_an_earlier_version_note_images_with_several_ids(tmp_path: Path) -> None:
    store = Store(tmp_path / "store").prepare()
    rows = Stage("prepare", 1, PARAMS, {}, label="prepare mine test de")
    kinds = {"same image under two ids, kept": 2, "same image under two ids, kept as one": 3}
    with store.staging(rows.key) as folder:
        store.publish(rows, folder, {"rows": 40, "problems": kinds, "kept_problems": kinds}, {})
    (note,) = plan_data_notes([rows], store)
    assert note.changes_scores
    assert note.text == "mine test de: same image under two ids, kept 2"


def test_results_name_the_problems_of_all_data_behind_a_score(
    stages: tuple[Store, list[Stage]],
) -> None:
    store, made = stages
    frame = pd.DataFrame({"key": [made[2].key, "absent"], "states": [frozenset(), frozenset()]})
    noted, absent = with_notes(with_data_notes(frame, store))["note"]
    assert noted.count("3 rows left out") == 1
    for part in ("empty text 2", "not scored 3", "sub-word, not read 5"):
        assert part in noted
    assert "duplicate" not in noted
    assert absent == ""


def test_sets_of_rows_are_noted_once_for_all_stages_that_read_them(tmp_path: Path) -> None:
    store = Store(tmp_path / "store").prepare()
    encoders = [Stage("encoder", 1, {"of": of}, {}, label=f"encoder {of}") for of in "AB"]
    de, en, fr = (
        Stage("prepare", 1, {**PARAMS, "language": code}, {}, label="prepare")
        for code in ("de", "en", "fr")
    )
    sides = {"rows:here": de.key, "rows:english": en.key}
    searches = [Stage("search", 1, {"layer": n}, sides, label=f"search {n}") for n in range(3)]
    embeds = [
        Stage("embed", 1, {"n": n}, {"encoder": one.key, "rows": de.key}, label=f"embed {n}")
        for one in encoders
        for n in range(2)
    ]
    sets = {
        f"{role}:mine:{one.params['language']}": one.key for one in (de, en, fr) for role in "ab"
    }
    train = Stage("train", 1, {}, {"encoder": encoders[0].key, **sets}, label="train")
    for stage in (*encoders, de, en, fr, *searches, *embeds, train):
        with store.staging(stage.key) as folder:
            facts = {"rows": 9, "feature_problems": {"not scored": 2}}
            if stage.kind == "prepare":
                facts = {"rows": 9}
                (folder / ROWS).write_bytes(b"rows")
            store.publish(stage, folder, {} if stage.kind == "encoder" else facts, {})
    notes = plan_data_notes([*searches, *embeds, train], store)
    assert [note.text for note in notes] == [
        "mine test en and mine test de: not scored 2",
        "mine test de (encoder A): not scored 2",
        "mine test de (encoder B): not scored 2",
        "mine test de, mine test en and 1 more (encoder A): not scored 2",
    ]


def test_the_terminal_and_the_report_show_the_counts(
    stages: tuple[Store, list[Stage]], capsys: pytest.CaptureFixture[str]
) -> None:
    store, made = stages
    notes = plan_data_notes(made, store)
    show_data_notes(notes)
    assert "mine test de: 3 rows left out: blank label" in capsys.readouterr().out
    section = data_section(notes)
    assert section is not None
    assert list(section.table["data"]) == ["mine test de", "predict mine de"]
    assert section.table["kept in the split"][0].endswith("blank label, kept and not scored 3")


def test_every_slice_of_a_split_is_listed_with_the_rows_that_are_used(tmp_path: Path) -> None:
    store = Store(tmp_path / "store").prepare()
    facts = {"available": 800, **FACTS["of this version"]}
    parts = {512: {"share": [0, 90]}, 100: {"share": [90, 100]}}
    params = [{**PARAMS, "limit": limit, **share} for limit, share in parts.items()]
    stages = [Stage("prepare", 1, one, {}, label="prepare") for one in params]
    for stage, rows in zip(stages, parts, strict=True):
        with store.staging(stage.key) as folder:
            store.publish(stage, folder, {"rows": rows, **facts}, {})
    notes = plan_data_notes([*stages, stages[0]], store)
    assert [(note.name, note.rows) for note in notes] == [
        ("mine test[:90%] de", 512),
        ("mine test[90%:] de", 100),
    ]
    assert notes[1].text.startswith("mine test[90%:] de (100 rows used): 3 rows of the split left")
    section = data_section(notes)
    assert section is not None
    assert list(section.table["rows used"]) == ["512", "100"]


def test_a_limit_is_named_apart_from_counts_of_the_whole_split(tmp_path: Path) -> None:
    store = Store(tmp_path / "store").prepare()
    stages = [
        Stage("prepare", 1, {**PARAMS, "limit": limit}, {}, label="prepare")
        for limit in (40, 30, None)
    ]
    for stage, rows in zip(stages, (40, 30, 45), strict=True):
        with store.staging(stage.key) as folder:
            store.publish(stage, folder, {"rows": rows, **FACTS["of this version"]}, {})
    notes = plan_data_notes(stages, store)
    assert [note.rows for note in notes] == [40, 30, 45]
    assert [note.is_part for note in notes] == [True, True, False]


def test_duplicates_alone_are_not_shown_on_the_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    show_data_notes([DataNote("mine test de", 40, {}, {"duplicate row, kept": 4}, {})])
    assert capsys.readouterr().out == ""
    assert data_section([]) is None


def test_counts_of_rows_left_out_and_kept_come_back_from_the_facts() -> None:
    problems, example = RowProblems(), TextExample("1", "a", "b")
    problems.add("ends with, kept", example)
    problems.add("same kind", example)
    problems.add_kept("same kind", example)
    problems.add_kept("odd quotes", example)
    left_out, kept = recorded_problems(json.loads(json.dumps(problems.facts())))
    assert left_out == {"ends with, kept": 1, "same kind": 1}
    assert kept == {"same kind": 1, "odd quotes": 1}
