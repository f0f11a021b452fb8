"""Predicted tags in the scheme of the user's gold tags: converted to BIO, as these were."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from xstilts.formats.tag_schemes import (
    BEGIN,
    END,
    SINGLE,
    TagScheme,
    begins_mostly_inside,
    bio_of_bioes,
    bio_of_iob1,
    split_tag,
)
from xstilts.tasks.label_conversion import CONVERTED


def gold_scheme(kept: Mapping[str, int]) -> TagScheme:
    """The scheme that the gold tags of a split were converted from; BIO if none was.

    Args:
        kept: kind of a change → number of rows, see `RowProblems`.
    """
    schemes = (TagScheme.BIOES, TagScheme.IOB1)
    return next((one for one in schemes if CONVERTED.format(one) in kept), TagScheme.BIO)


def is_known(tag: str, labels: Sequence[str]) -> bool:
    """Whether a tag is a label of a task, or that of a span's end or single word in BIOES."""
    return tag in labels or (_is_bioes(tag) and f"{BEGIN}-{split_tag(tag)[1]}" in labels)


def scheme_of_predictions(sentences: Sequence[Sequence[str]], gold: TagScheme) -> TagScheme:
    """The scheme of predictions: that of the gold tags, or BIO.

    Models that were trained on converted tags predict BIO; its spans would be incomplete in BIOES.
    """
    if gold is TagScheme.BIOES:
        found = any(_is_bioes(tag) for tags in sentences for tag in tags)
    else:
        found = gold is TagScheme.IOB1 and begins_mostly_inside(sentences)
    return gold if found else TagScheme.BIO


def in_bio(tags: Sequence[str], scheme: TagScheme) -> list[str]:
    """Tags of a scheme as BIO tags."""
    if scheme is TagScheme.BIOES:
        return list(bio_of_bioes(tags))
    return list(bio_of_iob1(tags) if scheme is TagScheme.IOB1 else tags)


def _is_bioes(tag: str) -> bool:
    prefix = split_tag(tag)[0]
    return bool(prefix) and prefix in END + SINGLE
