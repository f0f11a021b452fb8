"""Which examples each optimizer step sees: a pure function of sizes, recipe and seed."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from xstilts.core.keys import seed_of


@dataclass(frozen=True)
class Step:
    """One optimizer step: some examples of one task."""

    task: str
    examples: tuple[int, ...]


def shares(sizes: Mapping[str, int], cap: int | None, temperature: float) -> dict[str, float]:
    """The probability of each task: proportional to min(size, cap) ^ (1 / temperature).

    Source: jiant's proportional and temperature samplers (shared/task_sampler).
    """
    weights = {task: min(size, cap or size) ** (1 / temperature) for task, size in sizes.items()}
    total = sum(weights.values())
    return {task: weight / total for task, weight in weights.items()}


def steps_in_all(sizes: Mapping[str, int], batch: int, epochs: float, cap: int | None) -> int:
    """Optimizer steps: epochs × the sum over tasks of ceil(min(size, cap) / batch)."""
    epoch = sum(math.ceil(min(size, cap or size) / batch) for size in sizes.values())
    return max(1, round(epochs * epoch))


def schedule(
    sizes: Mapping[str, int],
    *,
    batch: int,
    epochs: float,
    seed: int,
    cap: int | None = None,
    temperature: float = 1.0,
) -> list[Step]:
    """All steps of a training run, one task per step.

    Each task gets its share of the steps, rounded by largest remainder, in shuffled order;
    its examples come in a fresh permutation each time all of them have been seen. An example
    does not come twice in a batch unless the task is smaller than the batch.
    """
    total = steps_in_all(sizes, batch, epochs, cap)
    counts = apportion(shares(sizes, cap, temperature), total)
    order = [task for task, count in counts.items() for _ in range(count)]
    random.Random(seed_of("tasks", seed)).shuffle(order)
    streams = {task: _batches(task, size, batch, seed) for task, size in sizes.items()}
    return [Step(task, next(streams[task])) for task in order]


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
