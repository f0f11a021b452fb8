"""F1 of part-of-speech tags as XTREME computes it: seqeval's chunk F1 over tags without B and I.

seqeval takes a tag's first letter for a chunk prefix and joins neighbours of one type, so this
is neither accuracy nor a tag-wise F1. Two versions differ: 1.x takes the rest of the tag for
its type (CCONJ and SCONJ are then both CONJ), 0.x the whole tag. XTREME pins none; jiant pins
0.0.12.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from xstilts.metrics.base import Floats, Metric, ratio
from xstilts.metrics.spans import value as f1

TypeOf = Callable[[str], str]


def type_1(tag: str) -> str:
    """A tag's type in seqeval 1.x."""
    return tag[1:].split("-", maxsplit=1)[-1] or "_"


def type_0(tag: str) -> str:
    """A tag's type in seqeval 0.x."""
    return tag.rsplit("-", maxsplit=1)[-1]


def chunks(tags: Sequence[str], type_of: TypeOf) -> list[tuple[str, int, int]]:
    """(type, first, last) of every chunk, by conlleval's rules on first letters."""
    found: list[tuple[str, int, int]] = []
    prefix, kind, begin = "O", "", 0
    for place, tag in enumerate([*tags, "O"]):
        here, this = tag[0], type_of(tag)
        if _ends(prefix, here, kind, this):
            found.append((kind, begin, place - 1))
        if _starts(prefix, here, kind, this):
            begin = place
        prefix, kind = here, this
    return found


def _ends(before: str, here: str, kind: str, this: str) -> bool:
    if before in "ES" or (before in "BI" and here in "BSO"):
        return True
    return before not in "O." and kind != this


def _starts(before: str, here: str, kind: str, this: str) -> bool:
    if here in "BS" or (before in "ESO" and here in "EI"):
        return True
    return here not in "O." and kind != this


def statistics(
    gold: Sequence[Sequence[str]],
    predicted: Sequence[Sequence[str]],
    language: str,
    *,
    type_of: TypeOf,
) -> Floats:
    """[n, 3]: chunks right, chunks predicted, chunks in the gold tags."""
    rows = []
    for right, guess in zip(gold, predicted, strict=True):
        want, have = set(chunks(right, type_of)), set(chunks(guess, type_of))
        rows.append((len(want & have), len(have), len(want)))
    return np.array(rows, dtype=np.float64).reshape(-1, 3)


def right_tags(
    gold: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]], language: str
) -> Floats:
    """[n, 2]: tags right, tags."""
    pairs = [list(zip(one, other, strict=True)) for one, other in zip(gold, predicted, strict=True)]
    rows = [(sum(a == b for a, b in pair), len(pair)) for pair in pairs]
    return np.array(rows, dtype=np.float64).reshape(-1, 2)


def share(sums: Floats) -> Floats:
    """Right tags over all."""
    return ratio(sums[..., 0], sums[..., 1])


TAGGING = ("tagging",)
POS_F1 = Metric(
    "pos_f1", 1, partial(statistics, type_of=type_1), f1, TAGGING, "chunk F1 of seqeval 1.x"
)
POS_F1_SEQEVAL_0 = Metric(
    "pos_f1_seqeval_0",
    1,
    partial(statistics, type_of=type_0),
    f1,
    TAGGING,
    "chunk F1 of seqeval 0.x",
)
TAG_ACCURACY = Metric("tag_accuracy", 1, right_tags, share, TAGGING, "share of right tags")
