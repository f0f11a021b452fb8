"""Runs that went wrong: divergence and collapse are events, not scores."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any


class Diverged(Exception):
    """The loss or the gradient is no longer a finite number."""

    def __init__(self, step: int, what: str, task: str) -> None:
        self.step, self.what, self.task = step, what, task
        super().__init__(f"{what} of {task} is not finite at step {step}")


def check_finite(value: float, step: int, what: str, task: str) -> None:
    """Raise Diverged unless the value is finite."""
    if not math.isfinite(value):
        raise Diverged(step, what, task)


def collapsed(gold: Sequence[Any], predicted: Sequence[Any]) -> bool:
    """Whether all predictions are one and the same while the gold labels differ.

    For tags: whether no word at all gets a tag other than O while the gold has some.
    """
    if not predicted:
        return False
    if isinstance(predicted[0], list | tuple):
        found = {tag for tags in predicted for tag in tags}
        wanted = {tag for tags in gold for tag in tags}
        return len(found) == 1 and len(wanted) > 1
    return len(set(predicted)) == 1 and len(set(map(str, gold))) > 1
