"""Label sets that mark spans in another spelling are refused with what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from xstilts.config.file_task import FileTask
from xstilts.core.errors import ConfigError
from xstilts.tasks.base import TaskSpec
from xstilts.tasks.user_tasks import file_task
from xstilts.tasks.validate import filter_rows


def tagging(folder: Path, **settings: object) -> TaskSpec:
    made = {"format": "tagging", "files": "{split}.jsonl", "splits": {"train": ["en"]}}
    return file_task("mine", FileTask.model_validate({**made, **settings}), folder)


@pytest.mark.parametrize("labels", [["O", "B_X", "I_X"], ["O", "X-B", "X-I"], ["O", "b-x", "i-x"]])
def test_another_spelling_of_span_tags_is_refused(tmp_path: Path, labels: list[str]) -> None:
    with pytest.raises(ConfigError) as error:
        tagging(tmp_path, labels=labels)
    assert error.value.where == "tasks.mine.labels"
    assert f"{labels[1]}: B-" in (error.value.todo or "")
    assert tagging(tmp_path, labels=labels, metrics=["tag_accuracy"]).labels == tuple(labels)


def test_the_label_map_that_the_refusal_names_gives_bio(tmp_path: Path) -> None:
    line = '{"tokens": ["a", "b", "c"], "tags": ["B_X", "I_X", "O"]}\n'
    (tmp_path / "train.jsonl").write_text(line)
    labels = ["O", "B-X", "I-X"]
    task = tagging(tmp_path, labels=labels, label_map={"B_X": "B-X", "I_X": "I-X"})
    ((example,), _, _) = filter_rows(task.read("train", "en"), task, "train")
    assert example.tags == ("B-X", "I-X", "O")  # type: ignore[attr-defined]
    assert task.metrics == ("span_f1",)
