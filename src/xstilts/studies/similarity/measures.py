"""The measures of similarity, in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

FORMAT = "format"
OTHERS = "other-targets"
"""Not a measure but what every measure must beat: the task that is best on the other targets."""


@dataclass(frozen=True)
class Similarity:
    """A measure of pairs in words.

    Args:
        sign: -1 where less of it is more similar; it is turned round throughout.
        semantic: whether it compares what the two tasks say, not their form or size.
    """

    words: str
    sign: int = 1
    semantic: bool = True


MEASURES: Mapping[str, Similarity] = {
    "textemb": Similarity("cosine of mean token vectors (TextEmb)"),
    "semb": Similarity("cosine of mean sentence vectors (SEmb)"),
    "taskemb": Similarity("cosine of diagonal Fisher information (TaskEmb)"),
    "divergence": Similarity("Jensen-Shannon divergence of token distributions, negative", -1),
    "cka": Similarity("likeness of representations (linear CKA)"),
    FORMAT: Similarity("same format", semantic=False),
    "size-rule": Similarity("training examples of the intermediate task", semantic=False),
    "logme": Similarity("evidence of the target's labels (LogME)", semantic=False),
}
WORDS = {name: one.words for name, one in MEASURES.items()} | {
    OTHERS: "mean gain on the other targets"
}
