"""Micro-averaged F1 over labelled spans in BIO tags, as seqeval computes it by default.

Source: seqeval (github.com/chakki-works/seqeval), default mode, which follows conlleval: a
span also starts at an I- tag that no span of its type precedes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from xstilts.metrics.base import Floats, Metric, ratio

Span = tuple[str, int, int]


def spans(tags: Sequence[str]) -> list[Span]:
    """(type, first, last) of every span in one sentence's BIO tags."""
    found: list[Span] = []
    kind, start = "", 0
    for position, tag in enumerate([*tags, "O"]):
        prefix, _, this = tag.partition("-")
        if kind and (prefix != "I" or this != kind):
            found.append((kind, start, position - 1))
            kind = ""
        if prefix != "O" and not kind:
            kind, start = this, position
    return found


def statistics(
    gold: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]], language: str
) -> Floats:
    """[n, 3]: spans right, spans predicted, spans in the gold tags."""
    rows = []
    for right, guess in zip(gold, predicted, strict=True):
        want, have = set(spans(right)), set(spans(guess))
        rows.append((len(want & have), len(have), len(want)))
    return np.array(rows, dtype=np.float64).reshape(-1, 3)


def value(sums: Floats) -> Floats:
    """F1 = 2 right / (predicted + gold)."""
    return ratio(2 * sums[..., 0], sums[..., 1] + sums[..., 2])


TITLE = "micro-averaged F1 of labelled spans"
SPAN_F1 = Metric("span_f1", 1, statistics, value, ("tagging",), TITLE)
