"""Divergence: a loss, gradient or output that is not a finite number. An event, not a score."""

from __future__ import annotations

import math


class Diverged(Exception):
    """The loss, the gradient or an output is no longer a finite number."""

    def __init__(self, step: int, what: str, task: str) -> None:
        self.step, self.what, self.task = step, what, task
        super().__init__(f"{what} of {task} is not finite at step {step}")


def check_finite(value: float, step: int, what: str, task: str) -> None:
    """Raise Diverged unless the value is finite; `what` names it in the message."""
    if not math.isfinite(value):
        raise Diverged(step, what, task)
