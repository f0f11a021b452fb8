"""Mined and gold pairs from the artifacts of stages; no torch."""

from __future__ import annotations

from typing import Any

from xstilts.core.artifact import Artifact
from xstilts.formats.retrieval import MINING
from xstilts.metrics.bitext_mining import MinedPairs
from xstilts.stages.base import StageContext
from xstilts.stages.io.gold import blank_gold_error
from xstilts.stages.io.rows import PREDICTIONS, read_rows
from xstilts.stages.prepare import ROWS

Rows = list[dict[str, Any]]
SIDES = ("here", "english")
"""The two sides of a search: sentences of a language, and English ones."""


def translations(context: StageContext, prefix: str) -> tuple[list[str], list[list[str]]]:
    """Ids of a language's sentences, and of the translations of each sentence.

    Raises:
        DataError: no sentence has a translation.
    """
    rows = (read_rows(context.inputs[f"{prefix}rows:{side}"] / ROWS) for side in SIDES)
    ids, partners = partners_of(*rows)
    if not any(partners):
        raise blank_gold_error(context)
    return ids, partners


def partners_of(here: Rows, english: Rows) -> tuple[list[str], list[list[str]]]:
    """Ids of prepared sentences, and of the translations of each sentence.

    Translations that a limit or slice excludes do not count, as they cannot be mined.
    """
    english_ids = {row["id"] for row in english}
    gold = [
        [name for name in names.split() if name in english_ids]
        for names in MINING.gold_of_rows(here)
    ]
    return [row["id"] for row in here], gold


def read_mined(predictions: Artifact, ids: list[str]) -> list[MinedPairs]:
    """The mined pairs in an artifact, see `pairs_by_sentence`."""
    return pairs_by_sentence(read_rows(predictions / PREDICTIONS), ids)


def pairs_by_sentence(mined: Rows, ids: list[str]) -> list[MinedPairs]:
    """The mined pairs of each sentence of a language, in the order of the ids."""
    grouped: dict[str, list[dict[str, Any]]] = {}
    for row in mined:
        grouped.setdefault(row["id"], []).append(row)
    return [
        MinedPairs(
            name,
            tuple(row["prediction"] for row in grouped[name]),
            grouped[name][0]["score"],
            grouped[name][0]["repeated"],
        )
        if name in grouped
        else MinedPairs(name)
        for name in ids
    ]
