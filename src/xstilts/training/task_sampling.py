"""Which examples each optimizer step sees: a pure function of sizes, recipe and seed."""

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
    """The probability of each task: proportional to min(size, max_task_size) ^ (1 / temperature).

    An infinite temperature makes all tasks alike.

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
    """Optimizer steps: epochs × the sum over tasks of ceil(min(size, max_task_size) / batch)."""
    epoch = sum(math.ceil(min(size, max_task_size or size) / batch) for size in sizes.values())
    return max(1, round(epochs * epoch))


def schedule(sizes: Mapping[str, int], *, batch: int, seed: int, **mixing: Any) -> list[Step]:
    """All steps of a training run, one task per step.

    Args:
        mixing: epochs and the like, see `turns`.

    Each task has its number of steps, in shuffled order; its examples come in a fresh
    permutation each time all of them have been seen. An example does not come twice in a batch
    unless the task is smaller than the batch.
    """
    counts = steps_per_task(sizes, batch=batch, **mixing)
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
    on_top: Set[str] = frozenset(),
    share: float = 0.5,
) -> dict[str, int]:
    """How many steps each task gets: its share of all, rounded by largest remainder.

    Args:
        on_top: tasks whose steps are added to those of the others.
        share: of all steps, that the tasks on top get together; they share them equally.
    """
    counted = {task: size for task, size in sizes.items() if task not in on_top} or dict(sizes)
    total = total_steps(counted, batch, epochs, max_task_size)
    counts = apportion(sampling_probs(counted, max_task_size, temperature), total)
    if further := sizes.keys() - counted.keys():
        counts |= apportion(dict.fromkeys(further, 1 / len(further)), extra_steps(total, share))
    return counts


def extra_steps(steps: int, share: float) -> int:
    """How many steps to add so that they are a share of all."""
    return max(1, round(steps * share / (1 - share)))


def apportion(portions: Mapping[str, float], total: int) -> dict[str, int]:
    """Whole numbers with the given sum, in the given proportions (largest remainder)."""
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
