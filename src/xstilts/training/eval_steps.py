"""The steps of a training after which it is evaluated on dev."""

from __future__ import annotations


def eval_steps(steps: int, count: int, every: int | None = None) -> frozenset[int]:
    """Return `count` evenly spaced step numbers, or one after `every` steps, and the last step."""
    if every:
        return frozenset({*range(every, steps, every), steps})
    return frozenset(max(1, round(steps * (index + 1) / count)) for index in range(count))
