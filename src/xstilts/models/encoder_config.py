"""Sizes of an encoder from its config.json, whatever it calls them; without torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from xstilts.core.errors import EncoderError
from xstilts.models.masked_head_types import masked_head_in_key
from xstilts.models.text_towers import (
    IMAGE_TEXT_TYPES,
    TEXT_TOWERS,
    flat_text_config,
    is_image_text_model,
)

FIRST, MEAN, LAST = POOLINGS = ("cls", "mean", "last")
"""Poolings: the first token, the mean of all tokens, the last token; without padding."""
LAYERS = ("num_hidden_layers", "n_layers", "num_layers", "n_layer", "encoder_layers")
WIDTH = ("hidden_size", "d_model", "dim", "emb_dim", "n_embd", "model_dim")
VOCABULARY = ("vocab_size", "n_words")
POSITIONS = ("max_position_embeddings", "n_positions")

MEDIA = ("vision_config", "audio_config", "speech_config")
"""Parts of the config.json of models that read more than texts."""
MEDIA_SIZES = ("image_size", "patch_size", "num_channels", "num_mel_bins", "conv_dim")

MASKED_HEAD_TYPES = frozenset(
    {
        *("roberta", "xlm-roberta", "camembert", "xlm-roberta-xl", "roberta-prelayernorm", "xmod"),
        *("bert", "albert", "electra", "mpnet", "distilbert", "deberta", "deberta-v2"),
        *("modernbert", "nomic_bert"),
    }
)
"""Model types whose masked LM head can be read; its output matrix is that of the embeddings."""
FINAL_NORMS = {
    "xlm-roberta-xl": "encoder.LayerNorm",
    "modernbert": "final_norm",
    **dict.fromkeys(("t5", "mt5", "umt5"), "encoder.final_layer_norm"),
    **dict.fromkeys(("eurobert", "llama", "mistral", "qwen2", "qwen3"), "norm"),
    **dict.fromkeys(("gemma", "gemma2", "gemma3_text"), "norm"),
    **dict.fromkeys(TEXT_TOWERS, "final_layer_norm"),
}
"""Model type → the norm after the last block, of models whose blocks begin with a norm; its name
in the base model."""
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
PACKED_TYPES = frozenset({"bert", "roberta", "xlm-roberta", "camembert"})
"""Model types whose batches are packed without padding (`models.packing`)."""


CAUSAL_TYPES = frozenset(
    {
        *("apertus", "biogpt", "bloom", "cohere", "cohere2", "ctrl", "exaone4", "falcon", "gemma"),
        *("gemma2", "gemma3_text", "gemma3n_text", "glm", "glm4", "gpt2", "gpt_bigcode"),
        *("gpt_neo", "gpt_neox", "gptj", "granite", "granitemoe", "hunyuan_v1_dense", "llama"),
        *("ministral", "ministral3", "mistral", "mixtral", "modernbert-decoder", "mpt"),
        *("nemotron", "olmo", "olmo2", "olmo3", "olmoe", "opt", "persimmon", "phi", "phi3"),
        *("qwen2", "qwen2_moe", "qwen3", "qwen3_moe", "seed_oss", "smollm3", "stablelm"),
        *("starcoder2", "vaultgemma", "xglm"),
        *(kind for kind, tower in TEXT_TOWERS.items() if tower.causal),
    }
)
"""Model types of decoders: the states of a token do not depend on later tokens."""


class EncoderShape(NamedTuple):
    """Sizes of an encoder.

    Args:
        layers, width: of the Transformer.
        vocabulary: number of rows of the embedding matrix.
        positions: largest number of tokens of a text; None if there is no limit.
        model_type: of transformers.
        causal: whether it is a decoder.
        masked_head: whether the reading of its masked LM head is part of keys.
    """

    layers: int
    width: int
    vocabulary: int
    positions: int | None = None
    model_type: str = ""
    causal: bool = False
    masked_head: bool = False


def shape_of(config: Mapping[str, Any]) -> EncoderShape | None:
    """Return the sizes in a config.json; None if it does not have them."""
    config = flat_text_config(config)
    layers, width, vocabulary = (_first(config, names) for names in (LAYERS, WIDTH, VOCABULARY))
    if layers is None or width is None or vocabulary is None:
        return None
    kind = str(config.get("model_type", ""))
    return EncoderShape(
        layers,
        width,
        vocabulary,
        _positions(config),
        kind,
        is_causal(config),
        masked_head_in_key(config),
    )


def check_text_config(config: Mapping[str, Any], where: str) -> None:
    """Check that a config.json is that of a model that reads texts.

    Raises:
        EncoderError: it is a model of images or sound, or an image-text model whose text side
            cannot be used, or one that needs the language of each text.
    """
    kind = config.get("model_type")
    if kind == "xmod" and not config.get("default_language"):
        raise EncoderError(
            "X-MOD has an adapter per language, and config.json does not name one",
            where=where,
            todo="set `default_language` in the config.json of a copy, such as en_XX: its adapter "
            "is used for all languages",
        )
    if is_image_text_model(config):
        return
    if media := next((name for name in MEDIA if isinstance(config.get(name), Mapping)), None):
        problem = f"has a {media}: it reads more than texts"
    elif _first(config, VOCABULARY) is None and any(name in config for name in MEDIA_SIZES):
        problem = "reads images or sound, and has no vocabulary"
    else:
        return
    raise EncoderError(
        f"the model (type {kind}) {problem}",
        where=where,
        todo="use an encoder of texts, such as FacebookAI/xlm-roberta-base, or an image-text model "
        f"of the type {', '.join(sorted(IMAGE_TEXT_TYPES))}",
    )


def is_causal(config: Mapping[str, Any]) -> bool:
    """Whether a config.json is that of a decoder with causal attention."""
    if config.get("use_bidirectional_attention") or config.get("is_causal") is False:
        return False
    return config.get("model_type") in CAUSAL_TYPES or config.get("is_decoder") is True


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
