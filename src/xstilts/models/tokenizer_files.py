"""What the files of a tokenizer say before it is loaded; without transformers."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from xstilts.core.errors import EncoderError
from xstilts.models.sentence_transformers import Reader

CONFIG, SPECIAL, FAST = "tokenizer_config.json", "special_tokens_map.json", "tokenizer.json"
SENTENCEPIECE = "xstilts[sentencepiece]"
"""The extra with what reads SentencePiece models."""
PACKAGES = {"sentencepiece": "sentencepiece", "protobuf": "google"}
"""Package → its module."""
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


def check_sentencepiece(folder: Path) -> None:
    """Check that a tokenizer that is only there as a SentencePiece model can be read.

    Raises:
        EncoderError: a package for it is not installed.
    """
    files = [path.name for path in folder.iterdir()]
    if FAST in files or not any(name.endswith(".model") for name in files):
        return
    missing = [package for package, module in PACKAGES.items() if not find_spec(module)]
    if missing:
        raise EncoderError(
            "the tokenizer is a SentencePiece model without a tokenizer.json, which needs the "
            f"package {' and '.join(missing)}",
            where=str(folder),
            todo=f"pip install '{SENTENCEPIECE}'",
        )
