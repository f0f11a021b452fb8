"""Draws of the examples of several test sets, jointly where the sets have examples in common.

An example that occurs in several languages, as in parallel test sets, has one weight in a draw. The
draws are over the union of the sets, so how many examples of one set are drawn varies; a score is a
function of weighted sums and is not biased by that. Sets without common examples are independent.

Unrelated sets with the same ids or lines are drawn jointly too, as nothing distinguishes them from
parallel ones. The variance of a mean over them is right on average if their order is random; that
of parallel sets drawn independently would be too small.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from xstilts.statistics.bootstrap import BLOCK, example_weights, line_numbers
from xstilts.statistics.estimate import Floats

Ids = Mapping[str, tuple[str, ...]]
"""Test set → names of its examples."""
LARGEST = 2**24
"""Weights of a union that are in memory at the same time: 128 MB."""


def joint_weights(ids: Ids, draws: int) -> Iterator[tuple[str, slice, Floats]]:
    """Yield (test set, slice of draws, [block, n] how often each of its n examples is drawn).

    Sets with the same ids in the same order have the draws of `example_weights`; those of others
    depend on the sorted union of the ids. Of ids that are lines of files: see `_aligned`.
    """
    names = _aligned(ids)
    for part in _overlapping(names):
        first = part[0]
        if all(names[one] == names[first] for one in part):
            for block, weights in example_weights(ids[first], draws):
                for one in part:
                    yield one, block, weights
        else:
            yield from _from_union({one: names[one] for one in part}, draws)


def _from_union(names: Ids, draws: int) -> Iterator[tuple[str, slice, Floats]]:
    """The weights of sets of which some differ."""
    union = tuple(sorted(set().union(*names.values())))
    place = {name: number for number, name in enumerate(union)}
    columns = {one: np.array([place[name] for name in own]) for one, own in names.items()}
    size = max(1, min(BLOCK, LARGEST // len(union)))
    for block, weights in example_weights(union, draws, size):
        for one, own in columns.items():
            yield one, block, weights.take(own, axis=1)


def _overlapping(names: Ids) -> list[list[str]]:
    """The sets in parts, between which no two have a name in common; both in the given order."""
    parts: list[tuple[set[str], list[str]]] = []
    for one, own in names.items():
        found, members, apart = set(own), [one], []
        for part in parts:
            if part[0].isdisjoint(own):
                apart.append(part)
            else:
                found, members = found | part[0], [*part[1], *members]
        parts = [*apart, (found, members)]
    place = {one: number for number, one in enumerate(names)}
    return sorted(
        (sorted(part, key=place.__getitem__) for _, part in parts), key=lambda p: place[p[0]]
    )


def _aligned(ids: Ids) -> dict[str, tuple[str, ...]]:
    """The ids; of sets whose ids are lines of one file each, the lines in the longest of these.

    A header, or the place in a common file, moves all lines of a set. They are moved by nothing, or
    so that the first or the last line agrees, whichever gives most common lines.
    """
    lines = {one: found for one, own in ids.items() if (found := line_numbers(own))}
    if not lines:
        return dict(ids)
    longest = max(lines.values(), key=len)
    moved = {one: _moved(own, longest) for one, own in lines.items()}
    return {one: moved.get(one, own) for one, own in ids.items()}


def _moved(lines: Sequence[int], longest: Sequence[int]) -> tuple[str, ...]:
    """The numbers of lines in the longest set."""
    there = set(longest)
    shifts = 0, min(longest) - min(lines), max(longest) - max(lines)
    best = max(shifts, key=lambda shift: sum(line + shift in there for line in lines))
    return tuple([str(line + best) for line in lines])
