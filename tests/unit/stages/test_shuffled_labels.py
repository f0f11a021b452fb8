"""Controls: the same training rows with their labels permuted."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import xstilts
from xstilts.core.errors import ConfigError
from xstilts.core.store import Store
from xstilts.executors.worker import execute_stage
from xstilts.formats.multiple_choice import ChoiceExample
from xstilts.formats.regression import ScoredText
from xstilts.formats.tagging import TaggedExample
from xstilts.planning.compile import compile_experiment
from xstilts.stages.io.rows import read_rows
from xstilts.stages.train import _facts
from xstilts.tasks import TASKS
from xstilts.tasks.row_problems import RowProblems
from xstilts.tasks.shuffled_labels import NOT_SHUFFLED, shuffled_labels, with_shuffled_labels
from xstilts.testing.tiny import write_experiment

CONTROL = "toy-kind-shuffled-labels"


@pytest.fixture(scope="module")
def experiment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_experiment(tmp_path_factory.mktemp("shuffled"))


def planned(experiment: Path, *changes: str) -> Any:
    changed = ["targets=[toy-tags]", "seeds=[0]", *changes]
    return compile_experiment(xstilts.load(str(experiment), changed)).plan


def prepared(experiment: Path, task: str, store: Path, *changes: str) -> list[dict[str, Any]]:
    """The training rows of a task."""
    (stage,) = (
        stage
        for stage in planned(experiment, f"intermediate=[none, {task}]", *changes).stages
        if stage.kind == "prepare"
        and stage.params["task"] == task
        and stage.params["split"] == "train"
    )
    execute_stage(Store(store).prepare(), stage, lambda _: None)
    return read_rows(Store(store).artifact(stage.key) / "rows.parquet")


def without_labels(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in row.items() if name != "label"} for row in rows]


def test_a_control_has_the_rows_of_its_task_in_order_with_permuted_labels(
    experiment: Path, tmp_path: Path
) -> None:
    rows = prepared(experiment, "toy-kind", tmp_path)
    control = prepared(experiment, CONTROL, tmp_path)
    assert without_labels(control) == without_labels(rows)
    labels, shuffled = ([row["label"] for row in some] for some in (rows, control))
    assert Counter(shuffled) == Counter(labels)
    agreement = sum(map(str.__eq__, labels, shuffled)) / len(labels)
    assert agreement < 0.8


def test_limits_and_splits_of_the_task_hold_for_its_control(
    experiment: Path, tmp_path: Path
) -> None:
    limit = "task_limits={toy-kind: {train: 10}}"
    rows = prepared(experiment, "toy-kind", tmp_path, limit)
    assert len(rows) == 10
    assert without_labels(prepared(experiment, CONTROL, tmp_path, limit)) == without_labels(rows)


def test_a_control_is_no_target(experiment: Path) -> None:
    with pytest.raises(ConfigError, match=CONTROL):
        planned(experiment, f"targets=[{CONTROL}]")


def test_tags_are_exchanged_among_sentences_of_one_length() -> None:
    task = shuffled_labels(TASKS.get("home-slots"))
    examples = [
        TaggedExample(str(number), ("a",) * size, (f"B-{number}", *["O"] * (size - 1)))
        for number in range(40)
        for size in [3 if number % 2 else 6]
    ]
    shuffled = with_shuffled_labels(examples, task, "train", RowProblems())
    assert [len(one.tags) for one in shuffled] == [len(one.tokens) for one in examples]
    assert sorted(one.tags for one in shuffled) == sorted(one.tags for one in examples)
    assert [one.tags for one in shuffled] != [one.tags for one in examples]


def test_a_sentence_that_no_other_equals_in_length_is_counted() -> None:
    task, problems = shuffled_labels(TASKS.get("home-slots")), RowProblems()
    examples = [
        TaggedExample(str(number), ("a",) * size, (f"B-{number}", *["O"] * (size - 1)))
        for number, size in enumerate([3, 3, 3, 6])
    ]
    assert with_shuffled_labels(examples, task, "train", problems)[3] == examples[3]
    assert problems.kept == {NOT_SHUFFLED: 1}
    assert "row '3'" in problems.first[0]


def test_scores_are_shuffled() -> None:
    task = shuffled_labels(TASKS.get("stsb"))
    examples = [ScoredText(str(number), "a", number / 8) for number in range(40)]
    scores = [one.score for one in with_shuffled_labels(examples, task, "train", RowProblems())]
    assert sorted(scores) == [one.score for one in examples]
    assert scores != sorted(scores)


def test_answers_in_a_text_are_not_shuffled(experiment: Path) -> None:
    with pytest.raises(ConfigError, match="squad-v1-shuffled-labels"):
        planned(experiment, "intermediate=[none, squad-v1-shuffled-labels]")


def test_the_control_of_an_unknown_task_names_it(experiment: Path) -> None:
    with pytest.raises(ConfigError, match="'no-task'"):
        planned(experiment, "intermediate=[none, no-task-shuffled-labels]")


def test_choices_keep_labels_that_name_one_of_them() -> None:
    task = shuffled_labels(TASKS.get("commonsenseqa"))
    examples = [
        ChoiceExample(id=str(number), text="q", choices=("a",) * size, label=str(number % size))
        for number in range(60)
        for size in [2 if number % 3 else 5]
    ]
    shuffled = with_shuffled_labels(examples, task, "train", RowProblems())
    assert all(int(one.label) < len(one.choices) for one in shuffled)
    assert [one.label for one in shuffled] != [one.label for one in examples]


def test_rows_of_other_tasks_keep_their_labels() -> None:
    examples = [ChoiceExample(id="1", text="q", choices=("a", "b"), label="1")]
    assert with_shuffled_labels(examples, TASKS.get("copa"), "train", RowProblems()) == examples


def test_one_answer_to_shuffled_labels_is_no_collapse() -> None:
    log = SimpleNamespace(
        dev_steps=[1], best_step=1, dev_scores=[{"a": 0.5}], best_score=0.5, events=[],
        collapsed=["toy-kind", CONTROL],
    )  # fmt: skip
    assert _facts(SimpleNamespace(log=log, steps=1))["collapsed"] == ["toy-kind"]  # type: ignore[arg-type]
