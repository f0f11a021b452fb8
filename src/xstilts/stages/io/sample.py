"""The first examples of a task as features, for measures of tasks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from xstilts.formats.base import Feature, TokenizationConfig
from xstilts.stages.base import StageContext
from xstilts.stages.io.tokenized import prepared

SUBWORDS, VECTORS, GOLD, FISHER = "subwords.json", "vectors.npy", "gold.npy", "fisher.npz"
"""Files that stages with such samples write."""
Size = Callable[[Feature], int]


def sample_texts(feature: Feature) -> int:
    """Number of texts of an example: 1, or the number of choices."""
    return len(feature.texts)


def sample_words(feature: Feature) -> int:
    """How many words of it have a tag."""
    return sum(position >= 0 for position in feature.words)


def sample_rows(context: StageContext, tokenizer: Any, size: Size = sample_texts) -> list[Feature]:
    """The first features of each `rows:…` input, until there are `most` texts (or words).

    The inputs get equal shares of them, in the order of their roles. The first rows of a split
    are a random sample of it.
    """
    params = context.params
    reading = TokenizationConfig(**params["reading"])
    roles = sorted(role for role in context.inputs if role.startswith("rows"))
    share = -(-params["most"] // len(roles))
    return [
        feature
        for role in roles
        for feature in _until(
            prepared(
                *(
                    context,
                    context.inputs[role],
                    params["format"],
                    params["labels"],
                    reading,
                    tokenizer,
                )
            ),
            share,
            size,
        )
    ]


def _until(features: Sequence[Feature], most: int, size: Size) -> Iterator[Feature]:
    taken = 0
    for feature in features:
        if taken >= most:
            return
        taken += size(feature)
        yield feature
