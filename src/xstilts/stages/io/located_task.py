"""The task of a stage, with the user's data, from the settings of this machine."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from xstilts.config.file_task import FileTask
from xstilts.tasks import TASKS
from xstilts.tasks.base import TaskSpec
from xstilts.tasks.io.sources import located
from xstilts.tasks.shuffled_labels import shuffled_labels
from xstilts.tasks.tasksource.record import TaskRecord
from xstilts.tasks.tasksource.task import CONTEXT, task_of_record
from xstilts.tasks.user_tasks import file_task


def located_task(name: str, local: Mapping[str, Any]) -> TaskSpec:
    """The task of that name, with the user's folder, revisions and files in a stage's context."""
    if original := local.get("shuffled_from"):
        return shuffled_labels(located_task(original, {**local, "shuffled_from": ""}))
    data = Path(local["data"]) if "data" in local else None
    if "file_task" in local:
        own = FileTask.model_validate(local["file_task"])
        return file_task(name, own, Path(local["folder"]), data)
    if CONTEXT in local:
        return task_of_record(TaskRecord.model_validate(local[CONTEXT]))
    return located(TASKS.get(name), data, local.get("revisions", {}))
