"""A fast tokenizer with the sub-words of SigLIP's, which transformers has in Python alone.

SigLIP lower-cases texts, leaves out ASCII punctuation and joins white space before its
SentencePiece model reads them (transformers' SiglipTokenizer, after big_vision's canonicalization
of prompts).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from xstilts.core.errors import EncoderError
from xstilts.models.lower_case import lower_casing

MODEL = "spiece.model"
PUNCTUATION = r"[!-/:-@\[-`{-~]"
UNIGRAM = 1
"""The type of SentencePiece's unigram models."""


def siglip_tokenizer(folder: Path) -> Any:
    """The fast tokenizer of a folder with a SentencePiece model.

    Raises:
        EncoderError: the model is none of unigrams.
    """
    from sentencepiece import sentencepiece_model_pb2

    proto = sentencepiece_model_pb2.ModelProto()  # type: ignore[attr-defined]
    proto.ParseFromString((folder / MODEL).read_bytes())
    if proto.trainer_spec.model_type != UNIGRAM:
        raise EncoderError(
            f"{MODEL} is not a unigram model like SigLIP's",
            where=str(folder),
            todo="save the tokenizer with a tokenizer.json",
        )
    pieces = [(piece.piece, piece.score) for piece in proto.pieces]
    unknown, end = proto.trainer_spec.unk_id, proto.trainer_spec.eos_id
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=unknown, byte_fallback=False))
    tokenizer.normalizer = _normalizer(proto.normalizer_spec.precompiled_charsmap)
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always", split=False)
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="always", split=False)
    mark = pieces[end][0]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"$A {mark}", pair=f"$A {mark} $B {mark}", special_tokens=[(mark, end)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token=mark, pad_token=mark, unk_token=pieces[unknown][0]
    )


def _normalizer(charsmap: bytes) -> Any:
    """What SigLIP does to a text, then what SentencePiece does."""
    return normalizers.Sequence(
        [
            normalizers.Replace("\u2581", " "),
            *lower_casing(),
            normalizers.Replace(Regex(PUNCTUATION), ""),
            normalizers.Replace(Regex(r"\s+"), " "),
            normalizers.Strip(),
            *([normalizers.Precompiled(charsmap)] if charsmap else []),
            normalizers.Replace(Regex(" {2,}"), " "),
        ]
    )
