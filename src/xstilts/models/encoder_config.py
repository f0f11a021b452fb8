"""Sizes of an encoder from its config.json, whatever it calls them; without torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

FIRST, MEAN, LAST = POOLINGS = ("cls", "mean", "last")
"""Poolings: the first token, the mean of all tokens, the last token; without padding."""
LAYERS = ("num_hidden_layers", "n_layers", "num_layers", "n_layer", "encoder_layers")
WIDTH = ("hidden_size", "d_model", "dim", "emb_dim", "n_embd", "model_dim")
VOCABULARY = ("vocab_size", "n_words")
POSITIONS = ("max_position_embeddings", "n_positions")

T5_TYPES = frozenset({"t5", "mt5", "umt5"})
"""Model types of encoder-decoders whose encoder can be used alone."""
PAD_POSITIONS = frozenset(
    {
        *("roberta", "xlm-roberta", "camembert", "xlm-roberta-xl", "roberta-prelayernorm"),
        *("longformer", "mpnet", "data2vec-text", "ibert", "xmod", "luke"),
    }
)
"""Model types whose first position id is the padding id plus one."""
PAD_DEPENDENT = PAD_POSITIONS | {"xlm", "flaubert"}
"""Model types that derive positions or lengths from the padding id."""
ROBERTA_PAD = 1
"""Default padding id of the types in `PAD_POSITIONS`."""


class EncoderShape(NamedTuple):
    """Sizes of an encoder.

    Args:
        layers, width: of the Transformer.
        vocabulary: number of rows of the embedding matrix.
        positions: largest number of tokens of a text; None if there is no limit.
    """

    layers: int
    width: int
    vocabulary: int
    positions: int | None = None


def shape_of(config: Mapping[str, Any]) -> EncoderShape | None:
    """Return the sizes in a config.json; None if it does not have them."""
    text = config.get("text_config")
    if isinstance(text, Mapping):
        config = {**config, **text}
    layers, width, vocabulary = (_first(config, names) for names in (LAYERS, WIDTH, VOCABULARY))
    if layers is None or width is None or vocabulary is None:
        return None
    return EncoderShape(layers, width, vocabulary, _positions(config))


def _first(config: Mapping[str, Any], names: tuple[str, ...]) -> int | None:
    values = (config.get(name) for name in names)
    return next((value for value in values if type(value) is int and value > 0), None)


def _positions(config: Mapping[str, Any]) -> int | None:
    """The largest number of tokens; relative positions have no limit."""
    kind = config.get("model_type")
    if kind in T5_TYPES or config.get("position_biased_input") is False:
        return None
    rows = _first(config, POSITIONS)
    if rows is None or kind not in PAD_POSITIONS:
        return rows
    padding = config.get("pad_token_id", ROBERTA_PAD)
    return rows - (padding if type(padding) is int else ROBERTA_PAD) - 1
