"""Micro-averaged F1 over labelled spans in BIO tags, as computed by seqeval by default.

Source: seqeval (github.com/chakki-works/seqeval), default mode, which follows conlleval: an
I- tag that does not continue a span of its type also starts a span.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from functools import partial

from xstilts.metrics.base import Floats, Metric, ratio, stacked

Span = tuple[str, int, int]


def spans(tags: Sequence[str], *, strict: bool = False) -> list[Span]:
    """(type, first, last) of every span in one sentence's BIO tags.

    Args:
        strict: only spans that begin with B-, as in seqeval's strict mode for IOB2.
    """
    spans: list[Span] = []
    open_type, start = "", 0
    for position, tag in enumerate([*tags, "O"]):
        prefix, _, tag_type = tag.partition("-")
        if open_type and (prefix != "I" or tag_type != open_type):
            spans.append((open_type, start, position - 1))
            open_type = ""
        if prefix == "B" or (prefix != "O" and not open_type and not strict):
            open_type, start = tag_type, position
    return spans


def statistics(
    gold: Sequence[Sequence[str]],
    predicted: Sequence[Sequence[str]],
    language: str,
    *,
    strict: bool = False,
) -> Floats:
    """[n, 3]: correct spans, predicted spans, gold spans."""
    gold_spans = (set(spans(tags, strict=strict)) for tags in gold)
    return span_counts(gold_spans, (set(spans(tags, strict=strict)) for tags in predicted))


def span_counts(
    gold: Iterable[AbstractSet[Hashable]], predicted: Iterable[AbstractSet[Hashable]]
) -> Floats:
    """[n, 3]: correct spans, predicted spans, gold spans of each sentence."""
    rows = (
        (len(of_gold & of_predicted), len(of_predicted), len(of_gold))
        for of_gold, of_predicted in zip(gold, predicted, strict=True)
    )
    return stacked(rows, 3)


def f1(sums: Floats) -> Floats:
    """F1 = 2 correct / (predicted + gold)."""
    return ratio(2 * sums[..., 0], sums[..., 1] + sums[..., 2])


def no_span_labels(labels: Sequence[str]) -> str:
    """Why spans cannot be counted; empty if a label begins with B- or I-."""
    if any(label.startswith(("B-", "I-")) for label in labels):
        return ""
    return "it counts spans, which need labels that begin with B- or I-"


SPAN_F1 = Metric(
    name="span_f1",
    version=1,
    statistics=statistics,
    value=f1,
    formats=("tagging",),
    title="micro-averaged F1 of labelled spans",
    label_problem=no_span_labels,
)
SPAN_F1_STRICT = Metric(
    name="span_f1_strict",
    version=1,
    statistics=partial(statistics, strict=True),
    value=f1,
    formats=("tagging",),
    title="micro-averaged F1 of labelled spans that begin with B-",
    label_problem=no_span_labels,
)
