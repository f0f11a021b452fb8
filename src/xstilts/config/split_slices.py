"""Slices of a split: all of `dev`, or a percentage range as in `dev[:80%]`.

Examples are assigned to slices by a digest of their alignment key (`TaskSpec.alignment_key`; by
default the id), which an example shares with its translations. Disjoint slices therefore never
contain translations of each other, and skipping a bad row in one language moves no other row.
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
    """The examples of a split from `low` (inclusive) to `high` per cent (exclusive)."""

    split: str
    low: int = 0
    high: int = 100

    @property
    def name(self) -> str:
        """The text that parses to it: `dev`, `dev[20%:80%]`."""
        if self.is_full_split:
            return self.split
        low, high = (f"{bound}%" if bound % 100 else "" for bound in (self.low, self.high))
        return f"{self.split}[{low}:{high}]"

    @property
    def is_full_split(self) -> bool:
        """Whether it contains all examples of the split."""
        return (self.low, self.high) == (0, 100)

    def contains(self, alignment_key: str) -> bool:
        """Whether examples of the split with this alignment key are in the slice."""
        return self.low <= seed_of("share", alignment_key) % 100 < self.high

    def overlaps(self, other: SplitSlice) -> bool:
        """Whether an example can be in both slices."""
        return self.split == other.split and self.low < other.high and other.low < self.high


@cache
def parse_split_slice(text: str) -> SplitSlice:
    """Parse `dev` or `dev[20%:80%]`.

    Raises:
        ConfigError: invalid syntax, or an empty range.
    """
    match = PATTERN.fullmatch(text.strip())
    if match:
        low, high = int(match["low"] or 0), int(match["high"] or 100)
        if 0 <= low < high <= 100:
            return SplitSlice(match["split"], low, high)
    raise ConfigError(
        f"{text!r} is not a split or a slice of one",
        todo="write a split such as dev, or a slice such as dev[:80%] or dev[80%:]",
    )
