"""Shapley values (1953): what a task adds to a mixture, averaged over all orders of adding."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb, factorial, hypot, isnan

import numpy as np

from xstilts.statistics.estimate import (
    LEVEL,
    NAN,
    Estimate,
    Floats,
    join_notes,
    missing_estimate,
)
from xstilts.statistics.hierarchical import mean_over_languages_and_seeds

Scores = Mapping[frozenset[str], float]
"""Mixture of tasks → score; the empty set is the baseline."""


@dataclass(frozen=True)
class ShapleyValue:
    """The Shapley value of a task.

    Args:
        value: in units of the score; NaN if it cannot be computed.
        standard_error: from sampling orders, pooled over tasks; 0 if all subsets have a score,
            NaN for one order. Does not include the noise of the scores.
        orders: number of sampled orders; 0 if the value is exact.
        note: missing mixtures.
        degrees_of_freedom: of the standard error.
    """

    task: str
    value: float
    standard_error: float
    orders: int
    note: str = ""
    degrees_of_freedom: int = 0

    @property
    def half_width(self) -> float:
        """Half width of the 95 % interval over orders; NaN for one order."""
        from scipy import stats

        if not self.standard_error:
            return 0.0
        quantile = float(stats.t.ppf(1 - LEVEL / 2, max(self.degrees_of_freedom, 1)))
        return quantile * self.standard_error


def random_orders(tasks: Sequence[str], count: int, seed: int = 0) -> list[tuple[str, ...]]:
    """Return distinct random orders of tasks; prefixes of an order are nested mixtures."""
    generator = np.random.default_rng(seed)
    orders: dict[tuple[str, ...], None] = {}
    while len(orders) < min(count, factorial(len(tasks))):
        orders.setdefault(tuple(tasks[index] for index in generator.permutation(len(tasks))))
    return list(orders)


def mixtures(orders: Iterable[Sequence[str]]) -> list[frozenset[str]]:
    """Return the distinct prefixes of orders as sets, including the empty set."""
    prefixes = (frozenset(order[:k]) for order in orders for k in range(len(order) + 1))
    return list(dict.fromkeys(prefixes))


def shapley(
    scores: Scores, tasks: Sequence[str], orders: Sequence[Sequence[str]] = ()
) -> list[ShapleyValue]:
    """Shapley value of each task: exact if every subset has a score, else from sampled orders.

    Args:
        orders: orders whose prefixes were trained, see `random_orders`; required unless all
            subsets have a score. An order with a missing mixture is dropped: using only its
            other steps would favour some sizes of mixtures.

    The standard error pools the variances of all tasks. A task usually adds most in the first
    position, and in few orders only some tasks come first: the variance of a task that never
    does would be too small.
    """
    scored = {subset for subset in scores if subset <= set(tasks) and not np.isnan(scores[subset])}
    if len(scored) == 2 ** len(tasks):
        return [ShapleyValue(task, _exact(scores, tasks, task), 0.0, 0) for task in tasks]
    if not orders:
        note = f"{2 ** len(tasks) - len(scored)} of {2 ** len(tasks)} mixtures have no score"
        return [ShapleyValue(task, NAN, NAN, 0, note) for task in tasks]
    complete = [order for order in orders if all(subset in scored for subset in mixtures([order]))]
    note = _missing([subset for subset in mixtures(orders) if subset not in scored])
    return _sampled(scores, tasks, complete, note)


def shapley_over_runs(
    tables: Mapping[frozenset[str], Floats], tasks: Sequence[str], orders: Sequence[Sequence[str]]
) -> list[tuple[ShapleyValue, Estimate]]:
    """The Shapley value of each task, and the same with an interval over languages and seeds.

    Args:
        tables: tasks in a mixture → [languages, seeds] scores; the empty set is the baseline.

    The value is linear in the scores, so that every language and seed has its own. The interval is
    widened by what other orders would give.
    """
    values = shapley({key: float(table.mean()) for key, table in tables.items()}, tasks, orders)
    shape = next(iter(tables.values())).shape
    runs = np.full((len(values), *shape), NAN)
    for cell in np.ndindex(*shape):
        scores = {subset: float(table[cell]) for subset, table in tables.items()}
        for row, value in enumerate(shapley(scores, tasks, orders)):
            runs[row, *cell] = value.value
    return [(value, _with_orders(value, run)) for value, run in zip(values, runs, strict=True)]


def _with_orders(value: ShapleyValue, runs: Floats) -> Estimate:
    if isnan(value.value):
        return missing_estimate(0, value.note or "the mixtures of no order are complete")
    over = mean_over_languages_and_seeds(runs)
    if isnan(value.standard_error):
        note = join_notes(["one order only: no interval", value.note])
        return Estimate(value.value, n=over.n, note=note)
    width = hypot((over.high - over.low) / 2, value.half_width)
    ends = value.value - width, value.value + width
    return Estimate(value.value, *ends, n=over.n, note=join_notes([over.note, value.note]))


def _exact(scores: Scores, tasks: Sequence[str], task: str) -> float:
    others = [other for other in tasks if other != task]
    total = 0.0
    for size in range(len(tasks)):
        added = sum(
            scores[frozenset((*subset, task))] - scores[frozenset(subset)]
            for subset in combinations(others, size)
        )
        total += added / comb(len(others), size)
    return total / len(tasks)


def _sampled(
    scores: Scores, tasks: Sequence[str], orders: Sequence[Sequence[str]], note: str
) -> list[ShapleyValue]:
    count = len(orders)
    if not count:
        return [ShapleyValue(task, NAN, NAN, 0, note) for task in tasks]
    added = np.array([[_marginal(scores, task, order) for order in orders] for task in tasks])
    variance = float(added.var(axis=1, ddof=1).mean()) if count > 1 else NAN
    error = (variance / count) ** 0.5
    freedom = (len(tasks) - 1) * (count - 1)  # the sum over tasks is the same for every order
    return [
        ShapleyValue(task, float(values.mean()), error, count, note, freedom)
        for task, values in zip(tasks, added, strict=True)
    ]


def _marginal(scores: Scores, task: str, order: Sequence[str]) -> float:
    """Marginal contribution of a task to the tasks before it."""
    before = frozenset(order[: list(order).index(task)])
    return scores[before | {task}] - scores[before]


def _missing(subsets: Sequence[frozenset[str]], shown: int = 3) -> str:
    if not subsets:
        return ""
    names = [" + ".join(sorted(subset)) or "no task at all" for subset in subsets[:shown]]
    more = f" and {len(subsets) - shown} more" if len(subsets) > shown else ""
    return f"mixtures without a score: {'; '.join(names)}{more}"
