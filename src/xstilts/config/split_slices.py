"""Which examples play a part: `dev`, or a share of a split as in `dev[:80%]`.

A share holds the examples whose digests lie in it: those of what an example has in common with
its translations, its id as a rule (`TaskSpec.pair`). So shares that do not overlap never hold
translations of each other, and a bad row that is left out in one language moves no other row.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from xstilts.core.errors import ConfigError
from xstilts.core.hashing import seed_of

PATTERN = re.compile(r"(?P<split>[\w-]+)(\[((?P<low>\d+)%)?:((?P<high>\d+)%)?\])?")


@dataclass(frozen=True)
class SplitSlice:
    """The examples of a split from `low` to below `high` per cent."""

    split: str
    low: int = 0
    high: int = 100

    @property
    def name(self) -> str:
        """As it is written: `dev`, `dev[20%:80%]`."""
        if self.is_whole:
            return self.split
        low, high = (f"{part}%" if part % 100 else "" for part in (self.low, self.high))
        return f"{self.split}[{low}:{high}]"

    @property
    def is_whole(self) -> bool:
        """Whether it is the whole split."""
        return (self.low, self.high) == (0, 100)

    def holds(self, pair: str) -> bool:
        """Whether the examples of the split that have this in common belong to the share."""
        return self.low <= seed_of("share", pair) % 100 < self.high

    def overlaps(self, other: SplitSlice) -> bool:
        """Whether an example can belong to both."""
        return self.split == other.split and self.low < other.high and other.low < self.high


@cache
def parse_split_slice(text: str) -> SplitSlice:
    """The share that a text names.

    Raises:
        ConfigError: not in this form, or nothing lies in it.
    """
    found = PATTERN.fullmatch(text.strip())
    low, high = (
        (int(found[name] or given) for name, given in (("low", 0), ("high", 100)))
        if (found)
        else (0, 0)
    )
    if not found or not 0 <= low < high <= 100:
        raise ConfigError(
            f"{text!r} is no part of a split",
            todo="write a split's name, or a share of it as in dev[:80%] and dev[80%:]",
        )
    return SplitSlice(found["split"], low, high)
