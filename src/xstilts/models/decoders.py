"""Decoder-only models as encoders: the state of a token depends on no later token."""

from __future__ import annotations

from typing import Any

from transformers import PreTrainedModel

from xstilts.core.errors import EncoderError


def pad_with_end(tokenizer: Any) -> tuple[str, ...]:
    """Let a tokenizer without padding token pad with its end token; return a note if it does.

    Most decoders are trained without padding. Padding comes after a text and is masked, so that
    its token does not matter.
    """
    if tokenizer.pad_token_id is not None or tokenizer.eos_token_id is None:
        return ()
    if tokenizer.mask_token_id is not None:  # an encoder, which was trained with padding
        return ()
    tokenizer.pad_token = tokenizer.eos_token
    return (f"the tokenizer has no padding token: texts are padded with {tokenizer.eos_token!r}",)


def check_causal_use(
    model: PreTrainedModel, where: str, *, masked_lm: bool, first_token: bool
) -> None:
    """Check that a decoder is not used as only encoders can be.

    Raises:
        EncoderError: for masked language modelling, or read at the first token of a text.
    """
    name = type(model).__name__
    if masked_lm:
        raise EncoderError(
            f"{name} is a decoder, which cannot be trained as a masked language model",
            where=where,
            todo="leave the masked_lm task out of `intermediate`, or use an encoder",
        )
    if first_token:
        raise EncoderError(
            f"{name} is a decoder: the state of its first token does not depend on the text",
            where=where,
            todo="set `pooling` of `encoder` and `retrieval` to last or mean",
        )
