"""What the files of a tokenizer say before it is loaded; without transformers."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from xstilts.models.sentence_transformers import Reader

CONFIG, SPECIAL, FAST = "tokenizer_config.json", "special_tokens_map.json", "tokenizer.json"
SENTENCEPIECE = "xstilts[sentencepiece]"
"""The extra with what reads SentencePiece models."""
WITHOUT_MASK = (
    *("PreTrainedTokenizerFast", "TokenizersBackend", "GPT2", "Llama", "Qwen2", "Gemma", "T5"),
    "CodeLlama",
)
"""Beginnings of the names of tokenizer classes that have no mask token by default."""


def has_mask_token(read: Reader) -> bool | None:
    """Whether a tokenizer has a mask token; None if its files do not tell.

    Raises:
        EncoderError: a file cannot be read.
    """
    config, special = read(CONFIG), read(SPECIAL)
    for value in (config, special):
        if isinstance(value, Mapping) and "mask_token" in value:
            return value["mask_token"] is not None
    kind = config.get("tokenizer_class") if isinstance(config, Mapping) else None
    return False if isinstance(kind, str) and kind.startswith(WITHOUT_MASK) else None


def needs_sentencepiece(files: Collection[str]) -> bool:
    """Whether a tokenizer is only there as a SentencePiece model."""
    return FAST not in files and any(name.endswith(".model") for name in files)
