"""Names of tasks as names of torch modules; without torch, so that plans can check them."""

from __future__ import annotations


def without_dots(task: str) -> str:
    """Return the name of a task as torch allows it for a module."""
    return task.replace(".", "_")
