"""Tokenizers that lower-case texts first, as sentence-transformers does with `do_lower_case`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tokenizers import Regex, normalizers

FINAL_SIGMA = r"(?<=\p{L})\u03a3(?!\p{L})"
"""Python's lower() has another letter at the end of Greek words than tokenizers has."""


def lower_casing() -> list[Any]:
    """The normalizers that do what Python's lower() does."""
    return [normalizers.Replace(Regex(FINAL_SIGMA), "\u03c2"), normalizers.Lowercase()]


def lower_case_first(tokenizer: Any) -> None:
    """Make a fast tokenizer lower-case texts before its own normalizer reads them."""
    backend = tokenizer.backend_tokenizer
    own = [backend.normalizer] if backend.normalizer else []
    backend.normalizer = normalizers.Sequence([*lower_casing(), *own])


def as_saved(config: Mapping[str, Any], tokenizer: Any) -> dict[str, Any]:
    """The tokenizer_config.json with which transformers keeps the normalizer of tokenizer.json.

    The classes of encoder families set a normalizer of their own.
    """
    names = {"model_input_names": list(tokenizer.model_input_names)}
    return {**config, **names, "tokenizer_class": "PreTrainedTokenizerFast"}
