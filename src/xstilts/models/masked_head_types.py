"""Names and activations of the masked LM heads of model types; without torch."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

PREFIXES = {
    "dense": (
        *("lm_head.dense", "cls.predictions.transform.dense", "predictions.dense"),
        *("lm_predictions.lm_head.dense", "head.dense", "vocab_transform"),
        "generator_predictions.dense",
    ),
    "norm": (
        *("lm_head.layer_norm", "cls.predictions.transform.LayerNorm", "predictions.LayerNorm"),
        *("cls.predictions.transform.layer_norm", "lm_predictions.lm_head.LayerNorm"),
        *("head.norm", "vocab_layer_norm", "generator_predictions.LayerNorm"),
    ),
}
"""Layer of `heads.MaskedHead` → its names in RoBERTa, BERT, ALBERT, DeBERTa, ModernBERT …"""
BIAS = (
    *("lm_head.bias", "cls.predictions.bias", "predictions.bias", "lm_predictions.lm_head.bias"),
    *("decoder.bias", "vocab_projector.bias", "generator_lm_head.bias"),
)
OLD_NAMES = {"weight": "gamma", "bias": "beta"}
"""Names of the parameters of a norm in old checkpoints of BERT."""
NAMES = {
    f"{layer}.{name}": (
        *(f"{prefix}.{name}" for prefix in prefixes),
        *(f"{prefix}.{OLD_NAMES[name]}" for prefix in prefixes if layer == "norm"),
    )
    for layer, prefixes in PREFIXES.items()
    for name in ("weight", "bias")
} | {"bias": BIAS}
"""Parameter of `heads.MaskedHead` → its names."""
OPTIONAL = ("dense.bias", "norm.bias")
"""Parameters that some heads lack (ModernBERT): zero is the same."""
REQUIRED = frozenset(NAMES).difference(OPTIONAL)
GELU_HEADS = frozenset(
    {
        *("roberta", "xlm-roberta", "camembert", "xlm-roberta-xl", "roberta-prelayernorm"),
        *("xmod", "mpnet", "electra", "ibert", "data2vec-text", "longformer"),
    }
)
"""Model types whose head has GELU, whatever activation their layers have."""
BERT_HEADS = frozenset(
    {
        *("bert", "big_bird", "canine", "ernie", "fnet", "layoutlm", "luke", "markuplm"),
        *("megatron-bert", "mobilebert", "mra", "nystromformer", "roc_bert", "roformer"),
        *("squeezebert", "tapas", "yoso"),
    }
)
"""Model types whose head has BERT's names and the activation of their layers."""
OTHER_HEADS = frozenset(
    {
        *("albert", "convbert", "deberta", "deberta-v2", "distilbert", "electra"),
        *("modernbert", "nomic_bert"),
    }
)
"""Model types whose head has names of its own."""
KNOWN_HEADS = GELU_HEADS | BERT_HEADS | OTHER_HEADS
"""Model types whose head is dense, activation, norm, tied embeddings and a bias."""


def masked_head_in_key(config: Mapping[str, Any]) -> bool:
    """Whether version 1 of the reading of heads gave another head than today's.

    It knew the names of BERT and RoBERTa alone, computed GELU in all heads, and also read heads
    whose output matrix is not that of the embeddings.
    """
    kind = config.get("model_type")
    if kind in OTHER_HEADS:
        return True
    if kind in GELU_HEADS | BERT_HEADS and config.get("tie_word_embeddings") is False:
        return True
    return kind in BERT_HEADS and config.get("hidden_act", "gelu") != "gelu"


def has_masked_head(tensors: Collection[str]) -> bool:
    """Whether the names of a model's tensors are those of a masked LM head that can be read."""
    return all(any(name in tensors for name in NAMES[parameter]) for parameter in REQUIRED)
