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
    """The format, its version if it is above 1, and whether images are withheld."""
    version = task.format_spec.version
    params: dict[str, Any] = {"format": task.format}
    if version > 1:
        params["format_version"] = version
    if task.withholds_image:
        params["withholds_image"] = True
    return params
