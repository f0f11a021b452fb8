"""The masked LM head in an encoder's files: its tensors, activation and layer norm."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import torch
from safetensors import safe_open
from torch import Tensor
from transformers import PretrainedConfig
from transformers.activations import ACT2FN

from xstilts.models.encoder_source import weight_paths
from xstilts.models.heads import NEW_EPSILON, MaskedHead
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


class HeadFunctions(NamedTuple):
    """What a masked LM head computes between its weights.

    Args:
        activation: its name in transformers.
        epsilon: of the norm.
    """

    activation: str
    epsilon: float

    def __str__(self) -> str:
        return f"{self.activation} and a norm with epsilon {self.epsilon:g}"


NEW_HEAD = HeadFunctions("gelu", NEW_EPSILON)
"""Those of a head that is not from the encoder's files."""


def head_functions(config: PretrainedConfig) -> HeadFunctions:
    """The functions of the pretrained head of a type in `KNOWN_HEADS`."""
    kind = config.model_type
    if kind == "distilbert":
        return HeadFunctions(config.activation, DISTILBERT_EPSILON)
    if kind == "modernbert":
        return HeadFunctions(config.classifier_activation, config.norm_eps)
    activation = "gelu" if kind in GELU_HEADS else config.hidden_act
    return HeadFunctions(activation, config.layer_norm_eps)


def set_head_functions(head: MaskedHead, config: PretrainedConfig) -> None:
    """Set the activation and the epsilon of the norm of a pretrained head."""
    activation, head.norm.eps = head_functions(config)
    if activation != NEW_HEAD.activation:
        head.activation = ACT2FN[activation]
