"""Sentence retrieval straight from the encoder: sentences to be embedded, nothing to train."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from xstilts.formats.base import Feature, Row, TokenizationConfig
from xstilts.formats.text_features import text_features


@dataclass(frozen=True)
class RetrievalExample:
    """One sentence and the meaning it expresses (format `retrieval`).

    Two sentences, of any languages, are correct answers to each other when their
    `meaning` is the same string; several sentences of a language may share one.
    """

    id: str
    text: str
    meaning: str
    where: str | None = None


class Retrieval:
    """It has no head, no loss and no predictions: its score is computed from vectors."""

    def features(
        self,
        rows: Sequence[Row],
        tokenizer: Any,
        labels: Sequence[str],
        reading: TokenizationConfig,
    ) -> list[Feature]:
        """Sub-word ids of each sentence."""
        return text_features(rows, tokenizer, reading.max_length, [0] * len(rows))


RETRIEVAL = Retrieval()
