"""The masked LM head in an encoder's files: its tensors, activation and layer norm."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import safe_open
from torch import Tensor
from transformers import PretrainedConfig
from transformers.activations import ACT2FN

from xstilts.models.encoder_source import weight_paths
from xstilts.models.heads import MaskedHead
from xstilts.models.masked_head_types import GELU_HEADS, NAMES, OPTIONAL, REQUIRED

DISTILBERT_EPSILON = 1e-12


def masked_head(folder: Path, config: PretrainedConfig) -> dict[str, Tensor]:
    """Read the masked LM head from the weights of a folder.

    Returns:
        Empty without a head, or if its output matrix is not the word embedding matrix.
    """
    if not getattr(config, "tie_word_embeddings", True):
        return {}
    head: dict[str, Tensor] = {}
    for path in weight_paths(folder):
        with safe_open(path, framework="pt") as file:
            names = set(file.keys())
            for parameter, aliases in NAMES.items():
                for name in names.intersection(aliases):
                    head[parameter] = file.get_tensor(name).float().contiguous()
    if REQUIRED - head.keys():
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
