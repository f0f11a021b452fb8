"""The mask token of a tokenizer, for masked language modelling."""

from __future__ import annotations

from typing import Any

from xstilts.core.errors import EncoderError


def mask_id(tokenizer: Any, where: str | None = None) -> int:
    """Return the id of the mask token.

    Raises:
        EncoderError: the tokenizer has none, or it is the unknown token too.
    """
    if tokenizer.mask_token_id is None:
        raise EncoderError(
            "the encoder's tokenizer has no mask token, which masked language modelling needs",
            where=where,
            todo="leave the masked_lm task out of `intermediate`, or set `mask_token` in "
            "tokenizer_config.json to the token the encoder was trained with",
        )
    if tokenizer.mask_token_id == tokenizer.unk_token_id:
        raise EncoderError(
            f"the mask token {tokenizer.mask_token!r} is the unknown token too",
            where=where,
            todo="set `mask_token` in tokenizer_config.json to the token the encoder was trained "
            "with",
        )
    return int(tokenizer.mask_token_id)
