"""A task whose examples name pictures: texts in one file, pictures in a folder."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from xstilts.config.file_task import FileTask
from xstilts.core.stage import Stage
from xstilts.tasks.base import TaskSpec
from xstilts.tasks.user_tasks import file_task

TASK, FOLDER = "pics", "pictures"
"""Name of the task, and of the folder with its pictures."""
FILE_TASK: dict[str, Any] = {
    "format": "image_inference",
    "files": "{split}-{language}.jsonl",
    "splits": {"train": ["en"]},
    "labels": ["yes", "no"],
    "images": FOLDER,
}


def write_picture_texts(folder: Path, images: Iterable[object]) -> None:
    """Write one training example per image id."""
    rows = [
        {"text": f"picture {name}", "image": str(name), "label": ("yes", "no")[number % 2]}
        for number, name in enumerate(images)
    ]
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (folder / "train-en.jsonl").write_text(lines, encoding="utf-8")


def picture_task(folder: Path) -> TaskSpec:
    """The task with the texts and pictures in a folder."""
    return file_task(TASK, FileTask.model_validate(FILE_TASK), folder)


def picture_stage(folder: Path, limit: int | None = None) -> Stage:
    """The stage that prepares the training examples in a folder."""
    task = picture_task(folder)
    params = {
        "task": TASK,
        "version": task.version,
        "split": "train",
        "language": "en",
        "limit": limit,
        "data": task.fingerprint("train", "en"),
    }
    return Stage("prepare", 1, params, context={"folder": str(folder), "file_task": FILE_TASK})
