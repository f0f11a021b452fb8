"""Scores that are to do are told apart from those of sets without labels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from xstilts.analysis.missing_scores import missing_score_notes
from xstilts.core.stage import Stage
from xstilts.core.store import Store
from xstilts.planning.compile import ResultCell
from xstilts.stages.io.rows import write_rows

MISSING, NOT_SCORED = "scores are missing", "blank or all the same: not scored"
LABELLED, BLANK, DUMMIES = ["a", "b"], ["", ""], ["a"] * 20


class Made:
    """An experiment with a score of `en` whose other scores are to do or failed."""

    def __init__(self, folder: Path) -> None:
        self.store = Store(folder / "store").prepare()
        self.stages: dict[str, Stage] = {}
        self.cells: list[ResultCell] = []
        self.scored = {self.add("en", LABELLED)}

    def add(self, language: str, labels: list[str], predicts: bool = True, **facts: Any) -> str:
        """Add a score whose rows have these labels; with facts it has finished."""
        rows = Stage("prepare", 1, {"language": language}, {}, label="prepare")
        predict = Stage("predict", 1, {}, {"rows": rows.key}, label="predict")
        inputs = {"rows": rows.key, "predictions": predict.key}
        score = Stage("score", 1, {"format": "classification"}, inputs, label="score")
        for stage in (rows, *[predict] * predicts, *[score] * bool(facts)):
            with self.store.staging(stage.key) as staged:
                if stage is rows:
                    write_rows(staged / "rows.parquet", [{"label": one} for one in labels])
                self.store.publish(stage, staged, facts if stage is score else {}, {})
        self.stages |= {stage.key: stage for stage in (rows, predict, score)}
        run = "e", "none", "mine", language, "test", 0
        self.cells.append(ResultCell(*run, ("accuracy",), score.key, (), same_data=False))
        return score.key

    def notes(self) -> list[str]:
        return list(missing_score_notes(self.cells, self.scored, lambda: self.stages, self.store))


@pytest.mark.parametrize("labels", [BLANK, DUMMIES])
def test_sets_without_labels_are_not_missing(tmp_path: Path, labels: list[str]) -> None:
    made = Made(tmp_path)
    made.add("de", labels)
    (note,) = made.notes()
    assert NOT_SCORED in note
    assert "mine test de" in note
    assert "1 of 2" in note


def test_a_finished_score_without_a_value_is_not_missing(tmp_path: Path) -> None:
    made = Made(tmp_path)
    made.add("de", LABELLED, scores={})
    (note,) = made.notes()
    assert NOT_SCORED in note


@pytest.mark.parametrize("labels", [BLANK, LABELLED])
def test_what_is_to_do_is_missing(tmp_path: Path, labels: list[str]) -> None:
    """Labels are not looked at before the set is predicted."""
    made = Made(tmp_path)
    made.add("de", labels, predicts=False)
    (note,) = made.notes()
    assert note.startswith(f"1 of 2 {MISSING}")


def test_both_are_counted_apart(tmp_path: Path) -> None:
    made = Made(tmp_path)
    for language in ("de", "fr", "sw", "th"):
        made.add(language, BLANK)
    made.add("zh", LABELLED)
    missing, blank = made.notes()
    assert missing.startswith(f"1 of 6 {MISSING}")
    assert "mine test de, mine test fr, mine test sw, 1 more" in blank
    assert "4 of 6" in blank


def test_without_any_score_or_with_all_there_is_no_note(tmp_path: Path) -> None:
    made = Made(tmp_path)
    assert made.notes() == []
    made.add("de", BLANK)
    made.scored = set()
    assert made.notes() == []
