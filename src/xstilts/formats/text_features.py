"""Texts and pairs of texts as sub-word ids."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from xstilts.formats.base import Feature, Row

WITHOUT_SUBWORD = "text without a sub-word, read as empty"
LETTER = re.compile(r"[^\W_\u115f\u1160\u3164\uffa0]")
"""A letter or digit; fillers of Hangul syllables count as letters, and are read by no tokenizer."""


SEPARATOR = "\n"
"""Between the texts of a pair, for tokenizers that put nothing between them."""


def joins_pairs(tokenizer: Any) -> bool:
    """Whether a decoder's tokenizer puts the texts of a pair together without a separator."""
    names = ("mask_token", "cls_token", "sep_token")
    if any(getattr(tokenizer, name, None) is not None for name in names):
        return False
    texts = tokenizer("a", "a").sequence_ids(0)
    return 0 in texts and 1 in texts and None not in texts[texts.index(0) : texts.index(1)]


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
    before = SEPARATOR if pairs and joins_pairs(tokenizer) else ""
    encoded = tokenizer(
        [row["text"] for row in rows],
        [before + row["text_pair"] for row in rows] if pairs else None,
        truncation=True,
        max_length=max_length,
        return_token_type_ids=True,
    )
    columns = (encoded["input_ids"], encoded["token_type_ids"], targets)
    return [
        Feature(row["id"], ids, types, target)
        for row, ids, types, target in zip(rows, *columns, strict=True)
    ]


def texts_without_subword(
    texts: Iterable[tuple[str, str | None]], tokenizer: Any
) -> Iterator[tuple[str, tuple[str, str]]]:
    """Texts, by the id of their row, that the tokenizer has no sub-word for.

    These are zero-width and control characters, for example. Only texts without letters and digits
    are tokenized to find them. Blank texts are none of them.
    """
    candidates = [
        (row_id, text)
        for row_id, text in texts
        if text is not None and text.strip() and not LETTER.search(text)
    ]
    if not candidates:
        return
    encoded = tokenizer([text for _, text in candidates], add_special_tokens=False)
    for (row_id, text), ids in zip(candidates, encoded["input_ids"], strict=True):
        if not ids:
            yield row_id, (WITHOUT_SUBWORD, ascii(text))


def rows_without_subword(
    rows: Sequence[Row], _features: Sequence[Feature], tokenizer: Any
) -> Iterator[tuple[str, tuple[str, str]]]:
    """The rows whose `text` the tokenizer has no sub-word for: `FormatSpec.feature_problems`."""
    return texts_without_subword(((row["id"], row["text"]) for row in rows), tokenizer)
