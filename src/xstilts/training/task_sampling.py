"""The examples of each optimizer step: a pure function of task sizes, recipe and seed."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from typing import Any

from xstilts.core.hashing import seed_of


@dataclass(frozen=True)
class Step:
    """One optimizer step: some examples of one task."""

    task: str
    examples: tuple[int, ...]


def sampling_probs(
    sizes: Mapping[str, int], max_task_size: int | None, temperature: float
) -> dict[str, float]:
    """Sampling probability of each task: ∝ min(size, max_task_size) ^ (1 / temperature).

    An infinite temperature gives all tasks the same probability.

    Source: jiant's proportional and temperature samplers (shared/task_sampler).
    """
    weights = {
        task: min(size, max_task_size or size) ** (1 / temperature) for task, size in sizes.items()
    }
    total = sum(weights.values())
    return {task: weight / total for task, weight in weights.items()}


def total_steps(
    sizes: Mapping[str, int], batch: int, epochs: float, max_task_size: int | None
) -> int:
    """Number of optimizer steps: epochs × Σ ceil(min(size, max_task_size) / batch) over tasks."""
    epoch = sum(math.ceil(min(size, max_task_size or size) / batch) for size in sizes.values())
    return max(1, round(epochs * epoch))


def schedule(sizes: Mapping[str, int], *, batch: int, seed: int, **sampling: Any) -> list[Step]:
    """Return all steps of a training run, one task per step.

    Args:
        sampling: epochs and other arguments of `steps_per_task`.

    The order of tasks is shuffled, and the examples of a task are permuted again in every epoch.
    """
    counts = steps_per_task(sizes, batch=batch, **sampling)
    order = [task for task, count in counts.items() for _ in range(count)]
    random.Random(seed_of("tasks", seed)).shuffle(order)
    streams = {task: _batches(task, size, batch, seed) for task, size in sizes.items()}
    return [Step(task, next(streams[task])) for task in order]


def steps_per_task(
    sizes: Mapping[str, int],
    *,
    batch: int,
    epochs: float,
    max_task_size: int | None = None,
    temperature: float = 1.0,
    extra_tasks: Set[str] = frozenset(),
    extra_fraction: float = 0.5,
    max_steps: int | None = None,
) -> dict[str, int]:
    """Number of steps of each task: its sampling probability × all steps (largest remainder).

    Args:
        extra_tasks: tasks whose steps are added to the steps of the other tasks.
        extra_fraction: proportion of all steps for the extra tasks, in equal parts.
        max_steps: of all tasks.
    """
    counted = {task: size for task, size in sizes.items() if task not in extra_tasks} or dict(sizes)
    total = total_steps(counted, batch, epochs, max_task_size)
    extra = sizes.keys() - counted.keys()
    if max_steps is not None:
        limit = math.floor(max_steps * (1 - extra_fraction)) if extra else max_steps
        total = min(total, max(1, limit))
    counts = apportion(sampling_probs(counted, max_task_size, temperature), total)
    if extra:
        counts |= apportion(
            dict.fromkeys(extra, 1 / len(extra)), extra_steps(total, extra_fraction)
        )
    return counts


def extra_steps(steps: int, extra_fraction: float) -> int:
    """Number of steps to add so that they are `extra_fraction` of all steps."""
    return max(1, round(steps * extra_fraction / (1 - extra_fraction)))


def apportion(portions: Mapping[str, float], total: int) -> dict[str, int]:
    """Divide `total` into integers in the given proportions (largest remainder method)."""
    exact = {task: portion * total for task, portion in portions.items()}
    counts = {task: int(value) for task, value in exact.items()}
    rest = sorted(exact, key=lambda task: (counts[task] - exact[task], task))
    for task in rest[: total - sum(counts.values())]:
        counts[task] += 1
    return counts


def _batches(task: str, size: int, batch: int, seed: int) -> Iterator[tuple[int, ...]]:
    epoch = 0
    while True:
        order = list(range(size))
        random.Random(seed_of("examples", task, seed, epoch)).shuffle(order)
        for start in range(0, size, batch):
            yield tuple(order[start : start + batch])
        epoch += 1
