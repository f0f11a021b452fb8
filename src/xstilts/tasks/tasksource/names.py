"""Names of tasks of the package tasksource: `tasksource:glue/rte`."""

from __future__ import annotations

PREFIX = "tasksource:"


def is_tasksource(name: str) -> bool:
    """Whether a name is that of a task of tasksource, known or not."""
    return name.startswith(PREFIX)


def id_of(name: str) -> str:
    """What tasksource calls the task: `glue/rte`."""
    return name.removeprefix(PREFIX)


def name_of(task_id: str) -> str:
    """What users call the task: `tasksource:glue/rte`."""
    return f"{PREFIX}{task_id}"
