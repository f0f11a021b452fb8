"""Curves, doublings, differences and shares of one target, each with its interval."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from math import hypot, isnan, log2

import numpy as np
import pandas as pd

from xstilts.statistics.curves import Curve, crossing, fit
from xstilts.statistics.estimate import NAN, Estimate, Floats, join_notes, missing_estimate
from xstilts.statistics.hierarchical import over_languages_and_seeds
from xstilts.statistics.shapley import ShapleyValue, shapley
from xstilts.studies.scaling.design import MORE_TASKS, Point, doublings
from xstilts.studies.scaling.scores import TargetScores, mean_of

NO_RUNS = "no sound runs to compare"


@dataclass(frozen=True)
class TaskContribution:
    """What a task adds to a mixture.

    Args:
        share: its Shapley value and the standard error from not having seen all orders.
        estimate: the same with an interval over languages, seeds and orders.
    """

    share: ShapleyValue
    estimate: Estimate


def curve_of(scored: TargetScores, curve: str, unit: int) -> Curve:
    """The saturating curve through a curve's points, one for each mixture and seed.

    The x axis is training examples in all. The mean over languages is taken first: they are
    the same at every point.
    """
    means = [(p.size * unit, table.mean()) for p, table in scored.table.items() if p.curve == curve]
    sizes = [size for size, seeds in means for _ in seeds]
    return fit(sizes, [score for _, seeds in means for score in seeds])


def step(scored: TargetScores, curve: str, low: int, high: int, doubled: float = 1.0) -> Estimate:
    """What going from one size to another brings, for each of so many doublings.

    Mixtures are compared with those that they grew from; the interval is over languages and
    seeds, for the orders that were run.
    """
    pairs = list(_grown(scored, curve, low, high))
    change = mean_of(after - before for before, after in pairs)
    if change is None:
        return missing_estimate(0, NO_RUNS)
    return _over(change.to_numpy() / doubled, _lost(scored, curve, len(pairs)))


def _grown(
    scored: TargetScores, curve: str, low: int, high: int
) -> Iterator[tuple[pd.DataFrame, pd.DataFrame]]:
    """The scores before and after, of each order or of the one task."""
    ends = [scored.group.nested(size) for size in (low, high)]
    if curve != MORE_TASKS:
        ends = [tuple(scored.longer(curve, size)) for size in (low, high)]
    for before, after in zip(*ends, strict=True):
        if before in scored.table and after in scored.table:
            yield scored.table[before], scored.table[after]


def doublings_of(scored: TargetScores, curve: str) -> dict[tuple[int, int], Estimate]:
    """Each doubling that was run; last the mean doubling from the smallest to the largest size."""
    sizes = scored.sizes(curve)
    found = {
        (size, 2 * size): step(scored, curve, size, 2 * size) for size in sizes if 2 * size in sizes
    }
    if len(sizes) > 1 and (ends := (sizes[0], sizes[-1])) not in found:
        found[ends] = step(scored, curve, *ends, doubled=log2(ends[1] / ends[0]))
    return found


def difference(scored: TargetScores, task: str, size: int) -> Estimate:
    """Score with so many tasks minus score with as many examples of one task."""
    more, longer = scored.of(MORE_TASKS, size), scored.of(task, size)
    if more is None or longer is None:
        return missing_estimate(0, NO_RUNS)
    there = sum(point in scored.table for point in scored.group.nested(size))
    return _over((more - longer).to_numpy(), _lost(scored, MORE_TASKS, there))


def differences(scored: TargetScores, task: str) -> dict[int, Estimate]:
    """The difference at each budget that both curves were planned for."""
    return {size: difference(scored, task, size) for size in doublings(len(scored.group.tasks))}


def crossed(scored: TargetScores, task: str, more: Curve, longer: Curve, unit: int) -> Estimate:
    """Where one curve overtakes the other, in examples.

    A crossing is claimed only where the curves are told apart on both sides of it, and where the
    scores themselves show each curve ahead on its side of it. Curves of the same truth often
    cross somewhere, and these two begin with the same runs.
    """
    found = crossing(more, longer)
    ahead = {
        (estimate.value > 0, size * unit > found.value)
        for size, estimate in differences(scored, task).items()
        if estimate.significant
    }
    if not isnan(found.low) and (
        {(True, False), (False, True)} <= ahead or {(False, False), (True, True)} <= ahead
    ):
        return found
    why = "not each of them is shown to be ahead on its side" if not isnan(found.low) else ""
    return Estimate(NAN, n=found.n, note=join_notes([found.note, why]))


def task_contributions(scored: TargetScores) -> list[TaskContribution]:
    """The Shapley value of each task, from the orders that were run or from all subsets."""
    tables = {point.tasks: table for point, table in scored.table.items() if _is_mixture(point)}
    tables[frozenset()] = scored.baseline
    group = scored.group
    means = {subset: float(table.to_numpy().mean()) for subset, table in tables.items()}
    each = _each(tables, scored)
    return [
        TaskContribution(share, _with_orders(share, each[share.task]))
        for share in shapley(means, group.tasks, group.orders)
    ]


def _is_mixture(point: Point) -> bool:
    return point.curve == MORE_TASKS


def _each(tables: Mapping[frozenset[str], pd.DataFrame], scored: TargetScores) -> dict[str, Floats]:
    """Task → its Shapley value for each language and seed: it is linear in the scores."""
    group, frame = scored.group, scored.baseline
    values = {subset: table.reindex_like(frame).to_numpy() for subset, table in tables.items()}
    found = np.full((len(group.tasks), *frame.shape), NAN)
    for place in np.ndindex(*frame.shape):
        scores = {subset: float(value[place]) for subset, value in values.items()}
        for row, share in enumerate(shapley(scores, group.tasks, group.orders)):
            found[row, *place] = share.value
    return dict(zip(group.tasks, found, strict=True))


def _with_orders(share: ShapleyValue, values: Floats) -> Estimate:
    """The interval over languages and seeds, widened by what other orders would give."""
    if isnan(share.value):
        return missing_estimate(0, share.note or "the mixtures of no order are complete")
    over = _over(values)
    if isnan(share.standard_error):
        few = "one order only: no interval"
        return Estimate(share.value, n=over.n, note=join_notes([few, share.note]))
    width = hypot((over.high - over.low) / 2, share.half_width)
    note = join_notes([over.note, share.note])
    return Estimate(share.value, share.value - width, share.value + width, n=over.n, note=note)


def _over(table: Floats, note: str = "") -> Estimate:
    found = over_languages_and_seeds(table)
    if isnan(found.value) and table.size:  # too few for an interval, not for a mean
        found = replace(found, value=float(table.mean()))
    return replace(found, note=join_notes([found.note, note]))


def _lost(scored: TargetScores, curve: str, there: int) -> str:
    """The words for orders that are not in a mean."""
    orders = len(scored.group.orders)
    if curve != MORE_TASKS or there == orders:
        return ""
    return f"{there} of {orders} orders"
