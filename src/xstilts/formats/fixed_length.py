"""Features of one length, for encoders that read padding as a part of every text."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from xstilts.formats.base import IGNORED, Feature


def fixed_length(features: Iterable[Feature], length: int, padding: int) -> list[Feature]:
    """Features whose texts are padded on the right to a number of sub-words.

    Added sub-words have no gold label, belong to no word and cover no characters.

    Args:
        length: sub-words of every text; longer ones do not occur.
        padding: the id of added sub-words.
    """
    return [
        replace(
            _padded(feature, length, padding),
            extra_texts=tuple(_padded(text, length, padding) for text in feature.extra_texts),
        )
        for feature in features
    ]


def _padded(text: Feature, length: int, padding: int) -> Feature:
    added = length - len(text.ids)
    target = text.target
    if isinstance(target, list) and len(target) == len(text.ids):
        target = [*target, *[IGNORED] * added]
    return replace(
        text,
        ids=[*text.ids, *[padding] * added],
        types=[*text.types, *[0] * added],
        target=target,
        offsets=(*text.offsets, *((-1, -1),) * added) if text.offsets else (),
    )
