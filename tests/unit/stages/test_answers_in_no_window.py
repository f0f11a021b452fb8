"""A training notes the answers that fit in no window, with their task and split."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import xstilts
from xstilts.analysis.data_notes import plan_data_notes
from xstilts.config.load import LoadedExperiment
from xstilts.core.store import Store
from xstilts.planning.compile import compile_experiment

WORDS = [f"word{number}" for number in range(60)]
EXPERIMENT = """\
extends: {toy}
encoder: {encoder}
name: long-answers
intermediate: [none]
targets: [qa]
seeds: [0]
recipes: {{target: {{epochs: 1, num_evals: 1, max_length: 32, doc_stride: 8}}}}
tasks:
  qa:
    format: span
    files: "qa-{{split}}-{{language}}.json"
    splits: {{train: [en], dev: [en], test: [en]}}
"""


def write_questions(path: Path, split: str, long_answers: int) -> None:
    """Write 24 questions, the first of which have answers of nearly the whole text."""
    paragraphs = []
    for number in range(24):
        text = " ".join(WORDS[number:] + WORDS[:number])
        words = text.split()
        answer = " ".join(words[2:50] if number < long_answers else words[2:3])
        question = {"id": f"{split}{number}", "question": f"which {number}"}
        answers = [{"text": answer, "answer_start": text.index(answer)}]
        paragraphs.append({"context": text, "qas": [{**question, "answers": answers}]})
    path.write_text(json.dumps({"data": [{"title": "t", "paragraphs": paragraphs}]}))


def test_answers_that_fit_in_no_window_are_noted_with_task_and_split(
    toy_file: Path, tmp_path: Path, run_here: Callable[[LoadedExperiment, Path], Store]
) -> None:
    for split, count in (("train", 3), ("dev", 2), ("test", 0)):
        write_questions(tmp_path / f"qa-{split}-en.json", split, count)
    text = EXPERIMENT.format(toy=toy_file, encoder=toy_file.parent / "encoder")
    (tmp_path / "e.yaml").write_text(text)
    loaded = xstilts.load(str(tmp_path / "e.yaml"))
    store = run_here(loaded, tmp_path / "store")
    notes = plan_data_notes(compile_experiment(loaded).plan.stages, store)
    (note,) = (note for note in notes if note.unread)  # and none of predictions
    assert note.name == "qa dev en and qa train en (encoder encoder)"
    assert note.unread == {
        "answer that fits in no window (qa train en)": 3,
        "answer that fits in no window (qa dev en)": 2,
    }
    assert note.changes_scores
