"""What the files of a tokenizer say before it is loaded; without transformers."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from xstilts.core.errors import EncoderError
from xstilts.models.encoder_source import read_json_value
from xstilts.models.sentence_transformers import Reader

CONFIG, SPECIAL, FAST = "tokenizer_config.json", "special_tokens_map.json", "tokenizer.json"
SIGLIP = "SiglipTokenizer"
SENTENCEPIECE = "xstilts[sentencepiece]"
"""The extra with what reads SentencePiece models."""
PACKAGES = {"sentencepiece": "sentencepiece", "protobuf": "google"}
"""Package → its module."""
WITHOUT_MASK = (
    *("PreTrainedTokenizerFast", "TokenizersBackend", "GPT2", "Llama", "Qwen2", "Gemma", "T5"),
    "CodeLlama",
)
"""Beginnings of the names of tokenizer classes that have no mask token by default."""


SLOW = ("Canine", "XLMTokenizer", "Flaubert", "CTRL", "BertJapanese", "Bertweet", "Phobert", "FSMT")
"""Beginnings of the names of tokenizer classes that exist in Python alone."""


def check_fast_tokenizer(folder: Path) -> None:
    """Check that a tokenizer is not one that exists in Python alone, without offsets.

    Raises:
        EncoderError: it is; the import of an encoder finds all others.
    """
    path = folder / CONFIG
    config = read_json_value(path) if path.is_file() else None
    kind = config.get("tokenizer_class") if isinstance(config, Mapping) else None
    if isinstance(kind, str) and kind.startswith(SLOW) and not (folder / FAST).is_file():
        raise EncoderError(
            f"{kind} is not a fast tokenizer",
            where=str(folder),
            todo="save it with a tokenizer.json: tagging needs the first token of each word",
        )


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


def reads_sentencepiece(folder: Path) -> bool:
    """Whether a tokenizer is read from its SentencePiece model; SigLIP's always is."""
    files = [path.name for path in folder.iterdir()]
    has_model = any(name.endswith(".model") for name in files)
    return has_model and (FAST not in files or is_siglip(folder))


def is_siglip(folder: Path) -> bool:
    """Whether a tokenizer is SigLIP's, of which transformers has no fast one.

    Raises:
        EncoderError: its config cannot be read.
    """
    path = folder / CONFIG
    config = read_json_value(path) if path.is_file() else None
    return isinstance(config, Mapping) and config.get("tokenizer_class") == SIGLIP


def check_sentencepiece(folder: Path) -> None:
    """Check that a tokenizer that is read from a SentencePiece model can be read.

    Raises:
        EncoderError: a package for it is not installed.
    """
    if not reads_sentencepiece(folder):
        return
    missing = [package for package, module in PACKAGES.items() if not find_spec(module)]
    if missing:
        raise EncoderError(
            "the tokenizer is read from its SentencePiece model, which needs the package "
            f" {' and '.join(missing)}",
            where=str(folder),
            todo=f"pip install '{SENTENCEPIECE}'",
        )


def added_tokens_entry(tokens: Mapping[int, Any]) -> dict[str, dict[str, Any]]:
    """The entry of tokenizer_config.json without which transformers parses tokenizer.json twice.

    Args:
        tokens: id → `tokenizers.AddedToken`.
    """
    return {"added_tokens_decoder": {str(n): token.__getstate__() for n, token in tokens.items()}}
