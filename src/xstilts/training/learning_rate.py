"""Learning rate of each step: linear warm-up, then linear decay to 0."""

from __future__ import annotations

import math

from xstilts.config.recipe import Recipe


def lr_factor(step: int, steps: int, recipe: Recipe) -> float:
    """Learning rate at a step (from 0) of all steps / peak.

    Source: transformers' get_linear_schedule_with_warmup, which jiant and XTREME use.
    """
    warm = recipe.warmup_steps
    if warm is None:
        warm = math.ceil(recipe.warmup_ratio * steps)
    rising, falling = step / max(1, warm), (steps - step) / max(1, steps - warm)
    return rising if step < warm else falling


def warmup_events(warmup_steps: int | None, steps: int) -> list[str]:
    """A note if the warm-up is not over before the last step, so that the peak is not reached."""
    if warmup_steps is None or warmup_steps < steps:
        return []
    reached = f"{warmup_steps:,} warmup_steps of {steps:,}"
    return [f"the learning rate still rises at the last step: {reached}"]
