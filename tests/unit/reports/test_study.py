"""Stored study answers: complete, reproducible, robust against damage."""

from __future__ import annotations

import json
import math
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from xstilts.core.hashing import digest_of, with_digest, without_digest
from xstilts.core.store import Store
from xstilts.planning.measures import MeasureRef
from xstilts.reports.figure_words import figure_words
from xstilts.reports.study import (
    UNREADABLE,
    answered,
    copy_answer,
    estimate_text,
    folder_of,
    number,
    numbers_of,
    write_answer,
)
from xstilts.reports.study_figures import COLOURS, draw, spread, standalone
from xstilts.statistics.estimate import Estimate, missing_estimate
from xstilts.statistics.one_sample import one_sample_mean
from xstilts.studies import serialize
from xstilts.studies.base import OWN, Answer, Evidence, Figure, Finding, Series, StudyTable
from xstilts.studies.serialize import evidence_digest, from_json, to_json
from xstilts.testing.planted import Planted, experiment

NAN = math.nan
SCATTER = Figure(
    "scatter", "Gain & <difficulty>", "dev score", "gain, points",
    (Series("tasks", (0.1, 0.5, NAN), (1.0, 2.0, 3.0), (0.5, NAN, 1.0), (1.5, NAN, 9.0),
            labels=("mnli", "qqp", "lost")),),
)  # fmt: skip
LINES = Figure(
    "lines", "Two curves", "examples", "score",
    (Series("tasks", (1, 10, 100), (1, 2, 3), (0, 1, 2), (2, 3, 4), line=True),
     Series("data", (1, 10, 100), (1, 2, 3.01), line=True)),
    logarithmic=True, zero=True,
)  # fmt: skip
TICKS = Figure(
    "ticks", "By kind", "kind", "gain",
    (Series("ours", (0, 1), (1, 2)), Series("theirs", (0, 1), (0, 1))), ticks=("one", "other"),
)  # fmt: skip
TABLE = StudyTable(
    "Some table/..", "Some <table>",
    pd.DataFrame({"task": ["a|b", "c"], "value": [1.23456789, NAN], "n": [3, 4],
                  "sure": [True, False], "none": [None, None]}),
    ("What the columns mean.",),
)  # fmt: skip
ANSWER = Answer(
    "toy", "Is it so?", "It is <b>so</b>.",
    (Finding("one", "Gain: 1.9 points.", Estimate(1.9, 0.4, 3.4, 0.0123, 9, "a note"), ("k1",)),
     Finding("two", "No number, too few.", missing_estimate(1, "too few")),
     Finding("three", "Words.")),
    (TABLE,), (SCATTER, LINES, TICKS), ("Look out.",),
)  # fmt: skip


VERSION_2 = """{
  "version": 2, "study": "toy", "question": "Does it help?", "summary": "The task helps.",
  "findings": [{"name": "gain", "text": "Gain: 1.9 points.", "keys": [], "estimate":
    {"value": 1.9, "low": 0.4, "high": 3.4, "p": 0.012, "n": 9, "note": ""}}],
  "figures": [{"name": "lines", "title": "Lines", "x": "x", "y": "y", "logarithmic": false,
    "zero": true, "ticks": [], "series": [{"name": "one", "x": [0.0], "y": [null], "low": [],
    "high": [], "labels": [], "line": false}]}],
  "caveats": ["Look out."], "experiment": "planted",
  "beside": ["aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"],
  "stands_on": "DIGEST", "files": ["answer.md"],
  "tables": [{"name": "gains", "title": "Gains", "columns": ["after", "gain", "real"],
    "rows": [["mnli", 1.9, true]], "notes": []}]
}"""
"""An answer as xstilts wrote it before the keys were renamed."""


@pytest.fixture
def evidence(tmp_path: Path) -> Evidence:
    planted = Planted(experiment(("none", "mnli"), ("xnli",)), lambda _s, _t: 0.1)
    return replace(planted.evidence(), store=Store(tmp_path / "store").prepare())


def test_an_answer_survives_a_round_trip(evidence: Evidence) -> None:
    kept = to_json(ANSWER, evidence)
    text = json.dumps(kept, allow_nan=False)
    again = from_json(json.loads(text), evidence.results[OWN], evidence.store).answer
    assert again.summary == ANSWER.summary
    assert repr(again.findings) == repr(ANSWER.findings)
    assert repr(again.figures[0]) == repr(
        replace(SCATTER, series=(replace(SCATTER.series[0], low=(0.5, NAN, 1.0)),))
    )
    assert to_json(again, evidence) == kept
    frame = again.tables[0].frame
    assert frame["value"].tolist()[0] == 1.23456789
    assert math.isnan(frame["value"].tolist()[1])


def test_equal_answers_give_equal_bytes_and_old_files_are_removed(evidence: Evidence) -> None:
    first = {path.name: path.read_bytes() for path in write_answer(ANSWER, evidence)}
    assert set(first) == {
        "some-table.csv", "some-table.md", "scatter.svg", "lines.svg", "ticks.svg", "answer.md",
        "answer.json",
    }  # fmt: skip
    folder = folder_of(evidence.store, "planted", "toy")
    older = replace(ANSWER, figures=(*ANSWER.figures, replace(LINES, name="older")))
    assert "older.svg" in {path.name for path in write_answer(older, evidence)}
    (folder / "notes.txt").write_text("the user's own")
    (folder / "mine").mkdir()
    assert {path.name: path.read_bytes() for path in write_answer(ANSWER, evidence)} == first
    assert {path.name for path in folder.iterdir()} == {*first, "notes.txt", "mine"}
    page = first["answer.md"].decode()
    assert "- Gain: 1.9 points.\n  1.9 [0.4, 3.4], p = 0.012, n = 9; a note" in page
    assert "| a\\|b | 1.235 | 3 | yes | – |\n| c | – | 4 | no | – |" in page
    assert "1.23456789" in first["some-table.csv"].decode()


def test_an_answer_is_copied_to_the_requested_folder(evidence: Evidence, tmp_path: Path) -> None:
    files = write_answer(ANSWER, evidence)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "own.txt").write_text("stays")
    copies = copy_answer(files, tmp_path / "mine")
    assert [path.read_bytes() for path in copies] == [path.read_bytes() for path in files]
    assert (tmp_path / "mine" / "own.txt").is_file()


def test_an_answer_from_other_results_is_outdated(evidence: Evidence) -> None:
    write_answer(ANSWER, evidence)
    results = evidence.results[OWN]
    (now,) = answered(evidence.store, "planted", results)
    assert now.current
    (old,) = answered(evidence.store, "planted", results.assign(key=results["key"] + "'"))
    assert not old.current
    assert list(answered(evidence.store, "another", results)) == []


def test_an_answer_by_earlier_rules_is_outdated(
    evidence: Evidence, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serialize, "RULES", serialize.RULES - 1)
    write_answer(ANSWER, evidence)
    (now,) = answered(evidence.store, "planted", evidence.results[OWN])
    assert now.current
    monkeypatch.undo()
    (old,) = answered(evidence.store, "planted", evidence.results[OWN])
    assert not old.current
    assert old.answer.summary == ANSWER.summary


def test_an_answer_without_rules_is_outdated(evidence: Evidence) -> None:
    """Before `RULES`, the digest was of the keys alone."""
    *_, path = write_answer(ANSWER, evidence)
    results = evidence.results[OWN]
    now = evidence_digest(results, [], evidence.facts, evidence.store)
    before = digest_of(sorted(set(results["key"])))
    kept = without_digest(json.loads(path.read_text()))
    assert kept["evidence_digest"] == now
    path.write_text(json.dumps(with_digest({**kept, "evidence_digest": before})))
    (old,) = answered(evidence.store, "planted", results)
    assert not old.current


@pytest.mark.parametrize("digest", ["same", "other"])
def test_an_answer_of_version_2_is_read(evidence: Evidence, digest: str) -> None:
    *_, path = write_answer(ANSWER, evidence)
    now = evidence_digest(evidence.results[OWN], ["a" * 64], evidence.facts, evidence.store)
    path.write_text(VERSION_2.replace("DIGEST", now if digest == "same" else "0" * 64))
    (stored,) = answered(evidence.store, "planted", evidence.results[OWN])
    assert stored.current is (digest == "same")
    assert (stored.answer.study, stored.answer.summary) == ("toy", "The task helps.")
    (gain,) = stored.answer.findings
    assert gain.estimate is not None
    assert (gain.estimate.value, gain.estimate.n) == (1.9, 9)
    (table,) = stored.answer.tables
    assert table.frame["after"].tolist() == ["mnli"]
    assert table.frame["gain"].tolist() == [1.9]
    assert math.isnan(stored.answer.figures[0].series[0].y[0])


@pytest.mark.parametrize("kept", ["{", "[]", "{}", '{"version": 0}', '{"version": 2, "beside": 1}'])
def test_an_unreadable_answer_is_reported(evidence: Evidence, kept: str) -> None:
    *_, path = write_answer(ANSWER, evidence)
    path.write_text(kept)
    (found,) = answered(evidence.store, "planted", evidence.results[OWN])
    assert found.answer.study == "toy"
    assert "cannot be read" in found.answer.summary
    write_answer(ANSWER, evidence)
    (found,) = answered(evidence.store, "planted", evidence.results[OWN])
    assert found.answer.summary == ANSWER.summary


def test_an_answer_of_another_version_is_outdated(evidence: Evidence) -> None:
    *_, path = write_answer(ANSWER, evidence)
    path.write_text(path.read_text().replace('"version": 3', '"version": 1'))
    (found,) = answered(evidence.store, "planted", evidence.results[OWN])
    assert "cannot be read" in found.answer.summary


def test_an_answer_without_all_measures_is_outdated(evidence: Evidence) -> None:
    measured = MeasureRef("size", "mnli", "", "en", 0, ("a" * 64,), lambda _: 0.0)
    before = replace(evidence, measured=(measured,), facts=lambda _: None)
    finished = replace(before, facts=lambda _: {})
    now = evidence_digest(before.results[OWN], ["a" * 64], before.facts, before.store)
    assert to_json(ANSWER, before)["evidence_digest"] == now
    assert to_json(ANSWER, finished)["evidence_digest"] != now
    write_answer(ANSWER, finished)  # its store has nothing of this now
    (found,) = answered(evidence.store, "planted", evidence.results[OWN])
    assert not found.current
    write_answer(ANSWER, before)
    (found,) = answered(evidence.store, "planted", evidence.results[OWN])
    assert found.current
    changed = Planted(evidence.loaded, lambda _s, _t: 0.0)
    cells = tuple(replace(cell, key=f"{cell.key} changed") for cell in changed.cells())
    varied = replace(before, cells={**before.cells, "changed": cells}, facts=lambda _: {})
    assert cells[0].key in to_json(ANSWER, varied)["further_stages"]


@pytest.mark.parametrize("figure", [SCATTER, LINES, TICKS], ids=lambda one: one.name)
def test_figures_are_reproducible_and_use_the_text_colour_of_the_page(figure: Figure) -> None:
    text = draw(figure)
    assert draw(figure) == text
    root = ET.fromstring(standalone(text).encode())
    texts = " ".join("".join(one.itertext()) for one in root.iter())
    assert figure.title in texts
    assert figure.y in texts
    assert "currentColor" in text
    assert "#000000" not in text.replace("fill: none", "")
    used = len(figure.series)
    assert [colour in text for colour in COLOURS] == [n < used for n in range(len(COLOURS))]
    if used > 1:
        assert all(series.name in texts for series in figure.series)
    if figure is SCATTER:
        assert "mnli" in texts
        assert "lost" not in texts


@pytest.mark.parametrize("figure", [SCATTER, LINES, TICKS], ids=lambda one: one.name)
def test_figures_are_images_with_a_title_and_a_description(figure: Figure) -> None:
    for text in (draw(figure), standalone(draw(figure))):
        root = ET.fromstring(text.encode())
        assert root.get("role") == "img"
        title, words = list(root)[:2]
        assert title.tag.endswith("title")
        assert title.text == figure.title
        assert words.tag.endswith("desc")
        assert (words.text or "").startswith(f"{figure.y} by {figure.x}. {figure.series[0].name}: ")


def test_a_description_names_points_by_label_tick_or_number() -> None:
    series = (
        Series("a", (0.0, 1.0), (1.5, NAN)),
        Series("b", (0.0, 1.0), (2.0, 3.25), labels=("mnli", "")),
        Series("c", (0.0, 1.0), (4.0, 5.0), line=True),
        Series("d", (NAN,), (1.0,)),
        Series("e", tuple(map(float, range(31))), tuple(map(float, range(31)))),
    )
    assert figure_words(Figure("f", "F", "task", "gain", series, ticks=("de", "sw"))) == (
        "gain by task. a: de 1.5. b: mnli 2, sw 3.25. c: from 4 at de to 5 at sw. d: no values. "
        "e: 31 points from 0 to 30."
    )
    (first, *_) = series
    assert figure_words(Figure("f", "F", "size", "gain", (first,))) == "gain by size. a: 0 1.5."


def test_an_empty_figure_is_drawn() -> None:
    assert "nothing here" in draw(Figure("empty", "nothing here", "x", "y", ()))


def test_line_labels_do_not_overlap() -> None:
    assert spread([(1.0, 0), (1.5, 1), (9.0, 2)], 2.0) == pytest.approx([0.5, 2.5, 8.5])


def test_numbers_are_formatted_for_reading() -> None:
    assert [number(value) for value in (1234.5678, np.int64(7), 2.0, None, NAN, "x", True)] == [
        "1235", "7", "2", "–", "–", "x", "yes",
    ]  # fmt: skip
    assert estimate_text(Estimate(2.0, p=0.0001, n=3)) == "2, p < 0.001, n = 3"
    assert estimate_text(missing_estimate(2, "too few")) == "too few"
    assert numbers_of(ANSWER.findings[1]) == ""


def test_the_mean_of_few_tasks_has_a_student_interval() -> None:
    found = one_sample_mean([1.0, 2.0, 3.0, NAN])
    assert found.value == 2
    assert found.high - found.value == pytest.approx(4.302653 / math.sqrt(3))  # t, 2 degrees
    assert found.n == 3
    assert one_sample_mean([1.0]).note == "too few tasks for a conclusion: 1 of at least 2"
    assert math.isnan(one_sample_mean([1.0, 1.0]).low)


def test_an_edited_answer_is_not_believed(evidence: Evidence) -> None:
    write_answer(ANSWER, evidence)
    path = folder_of(evidence.store, "planted", "toy") / "answer.json"
    path.write_text(path.read_text().replace("1.23456789", "9.23456789"))
    (stored,) = answered(evidence.store, "planted", evidence.results[OWN])
    assert stored.answer.summary == UNREADABLE
    assert stored.answer.tables == ()


def test_an_answer_that_lists_other_files_removes_none_of_them(evidence: Evidence) -> None:
    write_answer(ANSWER, evidence)
    folder = folder_of(evidence.store, "planted", "toy")
    kept = json.loads((folder / "answer.json").read_text())
    names = ["notes.txt", "../notes.md", "Thesis.md", "answer.json"]
    for name in names[:3]:
        (folder / name).write_text("the user's own")
    (folder / "answer.json").write_text(json.dumps({**kept, "files": names}))
    write_answer(ANSWER, evidence)
    assert all((folder / name).is_file() for name in names)
