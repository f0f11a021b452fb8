"""Small files of tasks in a data folder, and the tasks that read them."""

from __future__ import annotations

import json
from pathlib import Path

from xstilts.tasks import TASKS
from xstilts.tasks.base import TaskSpec


def jsonl(*rows: object) -> str:
    """The rows as JSON, one in each line."""
    return "".join(json.dumps(row) + "\n" for row in rows)


def write(folder: Path, name: str, text: str) -> None:
    """Write a file, whose name may contain folders, with line ends as given."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())


def task(name: str, folder: Path) -> TaskSpec:
    """A built-in task that reads its files from a data folder."""
    with_data_dir = TASKS.get(name).with_data_dir
    assert with_data_dir
    return with_data_dir(folder)
