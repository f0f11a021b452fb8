"""`prepare`: the examples of one task, split and language, checked and counted."""

from __future__ import annotations

from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any

from xstilts.config.experiment import FileTask
from xstilts.stages.kind import Work
from xstilts.stages.rows import write_rows
from xstilts.tasks import TASKS
from xstilts.tasks.base import TaskSpec
from xstilts.tasks.check import usable
from xstilts.tasks.files import file_task

ROWS = "rows.parquet"


def run(work: Work) -> dict[str, Any]:
    """Write `rows.parquet`; facts: rows, and bad rows by kind of problem.

    Raises:
        DataError: no rows, or too many that cannot be used.
    """
    split, language = work.params["split"], work.params["language"]
    task = _task(work)
    examples, complaints = usable(task.read(split, language), task, split, language)
    taken = list(islice(examples, work.params["limit"]))
    rows = [
        {name: value for name, value in asdict(example).items() if name != "where"}
        for example in taken
    ]
    write_rows(work.folder / ROWS, rows)
    work.notes += complaints.first
    return {
        "rows": len(rows),
        "available": len(examples),
        "problems": dict(sorted(complaints.counts.items())),
    }


def _task(work: Work) -> TaskSpec:
    own = work.stage.context.get("file_task")
    if own is None:
        task = TASKS.get(work.params["task"])
        return task.at(Path(work.stage.context["data"])) if task.at else task
    folder = Path(work.stage.context["folder"])
    return file_task(work.params["task"], FileTask.model_validate(own), folder)
