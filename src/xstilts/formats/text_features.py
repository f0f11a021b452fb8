"""Texts and pairs of texts as sub-word ids."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from xstilts.formats.base import Feature, Row


def text_features(
    rows: Sequence[Row], tokenizer: Any, max_length: int, targets: Sequence[float]
) -> list[Feature]:
    """Each text, or pair in the encoder's own template, cut at a number of sub-words."""
    by_row: dict[int, Feature] = {}
    for pairs in (False, True):  # in one call the tokenizer would read all rows as one or the other
        chosen = [n for n, row in enumerate(rows) if (row.get("text_pair") is not None) == pairs]
        features = _encode(
            [rows[n] for n in chosen], tokenizer, max_length, [targets[n] for n in chosen], pairs
        )
        by_row.update(zip(chosen, features, strict=True))
    return [by_row[number] for number in range(len(rows))]


def _encode(
    rows: Sequence[Row], tokenizer: Any, max_length: int, targets: Sequence[float], pairs: bool
) -> list[Feature]:
    if not rows:
        return []
    encoded = tokenizer(
        [row["text"] for row in rows],
        [row["text_pair"] for row in rows] if pairs else None,
        truncation=True,
        max_length=max_length,
        return_token_type_ids=True,
    )
    columns = (encoded["input_ids"], encoded["token_type_ids"], targets)
    return [
        Feature(row["id"], ids, types, target)
        for row, ids, types, target in zip(rows, *columns, strict=True)
    ]
