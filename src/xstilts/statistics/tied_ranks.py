"""Ranks of systems with ties where a difference is not significant."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from xstilts.statistics.estimate import Floats


def tied_ranks(scores: Sequence[float], differs: Callable[[int, int], bool]) -> Floats:
    """Rank 1 for the best; systems of one group share the mean of their ranks.

    The systems are taken by descending score. The first leads a group; each next one joins it
    unless it differs significantly from the leader, and else leads a new group. So each system
    of a group is comparable with its leader, while two others of it may differ; and the last of
    a group may not differ from the leader of the next, because ties are not transitive.

    Args:
        scores: [n], none NaN; equal scores are never apart.
        differs: whether the systems of two indices, the better one first, differ.

    Source: mean ranks of ties as in Demšar (2006, JMLR 7).
    """
    values = np.asarray(scores, dtype=np.float64)
    order = [int(index) for index in np.argsort(-values, kind="stable")]
    groups: list[list[int]] = []
    for index in order:
        leader = groups[-1][0] if groups else index
        if groups and (values[leader] == values[index] or not differs(leader, index)):
            groups[-1].append(index)
        else:
            groups.append([index])
    ranks, better = np.zeros(len(values)), 0
    for group in groups:
        ranks[group] = better + (len(group) + 1) / 2
        better += len(group)
    return ranks
