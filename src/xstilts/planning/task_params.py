"""Parameters of a task in training and prediction stages."""

from __future__ import annotations

from typing import Any

from xstilts.config.intermediate import TaskRef
from xstilts.metrics import METRICS
from xstilts.planning.graph import language_of
from xstilts.tasks.base import TaskSpec


def task_params(part: TaskRef, task: TaskSpec) -> dict[str, Any]:
    """Parameters of a task in a training stage; the metric uses one language of dev."""
    (language, *others) = part.languages or (task.train_language,)
    if others:
        language = task.train_language
    return {
        **format_params(task),
        "labels": list(task.labels),
        "metric": task.metrics[0],
        "metric_version": METRICS.get(task.metrics[0]).selection_version,
        **language_of(language, task.metrics[:1]),
    }


def format_params(task: TaskSpec) -> dict[str, Any]:
    """The format as a parameter, with its version if it is above 1."""
    version = task.format_spec.version
    return {"format": task.format, **({"format_version": version} if version > 1 else {})}
