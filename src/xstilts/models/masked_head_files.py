"""The masked LM head in an encoder's files: its tensors, activation and layer norm."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import safe_open
from torch import Tensor
from transformers import PretrainedConfig
from transformers.activations import ACT2FN

from xstilts.models.encoder_source import check_index
from xstilts.models.heads import MaskedHead
from xstilts.models.masked_head_types import GELU_HEADS

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
DISTILBERT_EPSILON = 1e-12


def masked_head(folder: Path, config: PretrainedConfig) -> dict[str, Tensor]:
    """Read the masked LM head from the weights of a folder.

    Returns:
        Empty without a head, or if its output matrix is not the word embedding matrix.
    """
    if not getattr(config, "tie_word_embeddings", True):
        return {}
    head: dict[str, Tensor] = {}
    shards = (folder / name for name in check_index(folder))
    for path in sorted({*folder.glob("*.safetensors"), *filter(Path.is_file, shards)}):
        with safe_open(path, framework="pt") as file:
            names = set(file.keys())
            for parameter, aliases in NAMES.items():
                for name in names.intersection(aliases):
                    head[parameter] = file.get_tensor(name).float().contiguous()
    if not {*NAMES}.difference(OPTIONAL) <= head.keys():
        return {}
    for name in OPTIONAL:
        head.setdefault(name, torch.zeros(len(head["dense.weight"])))
    return head


def set_head_functions(head: MaskedHead, config: PretrainedConfig) -> None:
    """Set the activation and the epsilon of the norm of a pretrained head."""
    kind = config.model_type
    if kind == "distilbert":
        activation, head.norm.eps = config.activation, DISTILBERT_EPSILON
    elif kind == "modernbert":
        activation, head.norm.eps = config.classifier_activation, config.norm_eps
    else:
        activation = "gelu" if kind in GELU_HEADS else config.hidden_act
        head.norm.eps = config.layer_norm_eps
    if activation != "gelu":
        head.activation = ACT2FN[activation]
