"""Settings whose own tasks read the target's training file under other names are marked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

import xstilts
from xstilts.planning.compile import compile_experiment

MINE = {
    "format": "classification",
    "files": "mine/{split}-{language}.jsonl",
    "splits": {"train": ["en"], "dev": ["en"], "test": ["en"]},
    "labels": ["a", "b"],
}
COPY = {**MINE, "files": "elsewhere/{split}.{language}.jsonl"}
TAGS = {**MINE, "format": "tagging", "labels": ["O", "B-X"]}
TEXT = {**MINE, "format": "masked_lm", "labels": []}


def marks(folder: Path, other: dict[str, Any], setting: str, **changes: Any) -> dict[str, bool]:
    """Setting → whether it is marked, if `mine` and the copy have equal rows of train alone."""
    for at, name in enumerate(("mine/{}-en.jsonl", "elsewhere/{}.en.jsonl", "apart/{}-en.jsonl")):
        for split in ("train", "dev", "test"):
            path = folder / name.format(split)
            path.parent.mkdir(exist_ok=True)
            same = split == "train" and at < 2
            path.write_text(f'{{"text": "{split if same else (split, at)}", "label": "a"}}\n')
    experiment = {
        "name": "x",
        "encoder": "e5-small-packaged",
        "intermediate": ["none", setting],
        "targets": ["mine"],
        "seeds": [0],
        "tasks": {"mine": MINE, "other": other},
    }
    path = folder / "x.yaml"
    path.write_text(yaml.safe_dump(experiment | changes))
    return {
        cell.intermediate: cell.same_data for cell in compile_experiment(xstilts.load(path)).cells
    }


@pytest.mark.parametrize(
    ("other", "marked"),
    [
        ({**MINE, "splits": {"train": ["en"], "dev": ["en"]}}, True),
        (COPY, True),
        ({**COPY, "label_map": {"c": "a"}}, True),
        ({**MINE, "split_names": {"train": "dev", "dev": "test"}}, False),
        ({**COPY, "files": "apart/{split}-{language}.jsonl"}, False),
        ({**COPY, "rename": {"topic": "label"}}, False),
        (TAGS, False),
        (TEXT, False),
    ],
)
def test_a_task_with_the_answers_of_the_targets_training_file_is_marked(
    tmp_path: Path, other: dict[str, Any], marked: bool
) -> None:
    assert marks(tmp_path, other, "other") == {"none": False, "other": marked}


@pytest.mark.parametrize("setting", ["other+snli", "snli > other"])
def test_a_setting_with_such_a_task_is_marked(tmp_path: Path, setting: str) -> None:
    assert marks(tmp_path, COPY, setting)[setting]


def test_every_answer_column_of_a_chain_of_the_target_is_compared(tmp_path: Path) -> None:
    for column in ("topic", "kind"):
        tasks = {
            "mine": MINE,
            "other": {**COPY, "rename": {"topic": "label"}},
            "first": {**MINE, "rename": {column: "label"}},
        }
        chain = {"mine": "first > mine"}
        marked = marks(tmp_path, COPY, "other", tasks=tasks, train_task=chain)
        assert marked["other"] == (column == "topic")


def test_controls_and_slices_apart_are_not_marked(tmp_path: Path) -> None:
    control = "other-shuffled-labels"
    assert not marks(tmp_path, COPY, control)[control]
    splits = {"mine": {"train": "train[:50%]"}, "other": {"train": "train[50%:]"}}
    assert not marks(tmp_path, COPY, "other", splits=splits)["other"]
    splits["other"]["train"] = "train[40%:]"
    assert marks(tmp_path, COPY, "other", splits=splits)["other"]
