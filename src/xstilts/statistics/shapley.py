"""What each task adds to a mixture, on average over all orders of adding them (Shapley 1953)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb, factorial

import numpy as np

from xstilts.statistics.estimate import LEVEL, NAN

Scores = Mapping[frozenset[str], float]
"""Tasks in a mixture → its score; the empty set is the baseline."""


@dataclass(frozen=True)
class ShapleyValue:
    """One task's Shapley value.

    Args:
        value: in units of the score; NaN where nothing is known.
        error: its standard error from not having seen all orders, one for all tasks; 0 where all
            subsets are known, NaN where one order only is. Noise of the scores is not in it.
        orders: how many orders it is averaged over; 0 where it is exact.
        freedom: degrees of freedom of the error.
        note: which mixtures are missing, in words.
    """

    task: str
    value: float
    error: float
    orders: int
    note: str = ""
    freedom: int = 0

    @property
    def width(self) -> float:
        """Half of its 95 % interval: how far other orders may lead; NaN for one order."""
        from scipy import stats

        if not self.error:
            return 0.0
        return float(stats.t.ppf(1 - LEVEL / 2, max(self.freedom, 1))) * self.error


def random_orders(tasks: Sequence[str], count: int, seed: int = 0) -> list[tuple[str, ...]]:
    """Random orders of the tasks, none twice; the first k of each are nested mixtures to train."""
    generator = np.random.default_rng(seed)
    found: dict[tuple[str, ...], None] = {}
    while len(found) < min(count, factorial(len(tasks))):
        found.setdefault(tuple(tasks[place] for place in generator.permutation(len(tasks))))
    return list(found)


def mixtures(orders: Iterable[Sequence[str]]) -> list[frozenset[str]]:
    """The subsets that some orders need, the empty one included, each once."""
    needed = (frozenset(order[:k]) for order in orders for k in range(len(order) + 1))
    return list(dict.fromkeys(needed))


def shapley(
    scores: Scores, tasks: Sequence[str], orders: Sequence[Sequence[str]] = ()
) -> list[ShapleyValue]:
    """The Shapley value of each task: exact if every subset has a score, else from orders.

    Args:
        orders: along which mixtures were trained, as `nested` gives them; needed unless all
            subsets are known. An order with a mixture missing is left out as a whole: using
            only its known steps would favour some sizes of mixtures.

    The error pools the variances of all tasks. A task adds most where it comes first, and in a
    few orders that shows for some tasks only: by its own variance alone, one that never came
    first would seem all too sure.
    """
    known = {one for one in scores if one <= set(tasks) and not np.isnan(scores[one])}
    if len(known) == 2 ** len(tasks):
        return [ShapleyValue(task, _exact(scores, tasks, task), 0.0, 0) for task in tasks]
    if not orders:
        words = f"{2 ** len(tasks) - len(known)} of {2 ** len(tasks)} mixtures have no score"
        return [ShapleyValue(task, NAN, NAN, 0, words) for task in tasks]
    whole = [order for order in orders if all(one in known for one in mixtures([order]))]
    note = _missing([one for one in mixtures(orders) if one not in known])
    return _sampled(scores, tasks, whole, note)


def _exact(scores: Scores, tasks: Sequence[str], task: str) -> float:
    others = [one for one in tasks if one != task]
    total = 0.0
    for size in range(len(tasks)):
        added = sum(
            scores[frozenset((*some, task))] - scores[frozenset(some)]
            for some in combinations(others, size)
        )
        total += added / comb(len(others), size)
    return total / len(tasks)


def _sampled(
    scores: Scores, tasks: Sequence[str], orders: Sequence[Sequence[str]], note: str
) -> list[ShapleyValue]:
    count = len(orders)
    if not count:
        return [ShapleyValue(task, NAN, NAN, 0, note) for task in tasks]
    added = np.array([[_added(scores, task, order) for order in orders] for task in tasks])
    spread = float(added.var(axis=1, ddof=1).mean()) if count > 1 else NAN
    freedom = (len(tasks) - 1) * (count - 1)  # what an order adds in all is fixed
    return [
        ShapleyValue(task, float(one.mean()), (spread / count) ** 0.5, count, note, freedom)
        for task, one in zip(tasks, added, strict=True)
    ]


def _added(scores: Scores, task: str, order: Sequence[str]) -> float:
    """What a task adds to those before it."""
    before = frozenset(order[: list(order).index(task)])
    return scores[before | {task}] - scores[before]


def _missing(subsets: Sequence[frozenset[str]], shown: int = 3) -> str:
    if not subsets:
        return ""
    names = [" + ".join(sorted(one)) or "no task at all" for one in subsets[:shown]]
    more = f" and {len(subsets) - shown} more" if len(subsets) > shown else ""
    return f"mixtures without a score: {'; '.join(names)}{more}"
