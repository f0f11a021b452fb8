"""The examples of a split that a limit takes, chosen while they are read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from heapq import heappush, heappushpop

from xstilts.formats.base import Example


def every_example(_example: Example) -> bool:
    """For splits that are used in full."""
    return True


@dataclass
class LimitedRows:
    """The first examples of an order; as many as the limit are in memory.

    Args:
        limit: maximum number of examples; None: all.
        is_wanted: whether an example is in the share that examples are taken of.
        order: number by which examples are sorted; None: the order in which they come. Of equal
            numbers, the first example comes first.
        usable: examples that came.
        available: examples in the share.
    """

    limit: int | None = None
    is_wanted: Callable[[Example], bool] = every_example
    order: Callable[[Example], int] | None = None
    usable: int = 0
    available: int = 0
    taken: list[tuple[int, int, Example]] = field(default_factory=list)
    """A heap: negative number and position, so that the last example of the order is the first."""

    def add(self, example: Example) -> None:
        """Take an example, in place of the last one of the order if there are too many."""
        self.usable += 1
        if not self.is_wanted(example):
            return
        self.available += 1
        number = self.order(example) if self.order else self.available
        item = -number, -self.available, example
        if self.limit is None or len(self.taken) < self.limit:
            heappush(self.taken, item)
        else:
            heappushpop(self.taken, item)

    def examples(self) -> list[Example]:
        """The examples, in order."""
        return [example for _, _, example in sorted(self.taken, key=lambda item: item[:2])][::-1]
