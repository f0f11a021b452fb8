"""The rivals' models with our weights, including the heads."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from transformers import (
    AutoModelForMaskedLM,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
)

from bench.encoders import Weights
from bench.machine import device


def sentence_model(weights: Weights, head: nn.Module) -> Any:
    """transformers' classifier with our head's numbers (first-token pooling)."""
    labels = head.out.out_features
    made = AutoModelForSequenceClassification.from_pretrained(weights.folder, num_labels=labels)
    if hasattr(made.classifier, "out_proj"):  # the RoBERTa family
        dense, out = made.classifier.dense, made.classifier.out_proj
    else:
        dense, out = made.base_model.pooler.dense, made.classifier
    dense.load_state_dict(head.dense.state_dict())
    out.load_state_dict(head.out.state_dict())
    return made.to(device())


def tagging_model(weights: Weights, head: nn.Module) -> Any:
    """transformers' tagger with our head's numbers."""
    labels = head.out.out_features
    made = AutoModelForTokenClassification.from_pretrained(weights.folder, num_labels=labels)
    made.classifier.load_state_dict(head.out.state_dict())
    return made.to(device())


def masked_model(weights: Weights, head: dict[str, Tensor]) -> Any:
    """transformers' masked language model with a head of these numbers, tied to the embeddings."""
    made = AutoModelForMaskedLM.from_pretrained(weights.folder)
    if hasattr(made, "lm_head"):  # the RoBERTa family
        dense, norm, bias = made.lm_head.dense, made.lm_head.layer_norm, made.lm_head.bias
    else:
        transform = made.cls.predictions.transform
        dense, norm, bias = transform.dense, transform.LayerNorm, made.cls.predictions.bias
    with torch.no_grad():
        dense.weight.copy_(head["dense.weight"])
        dense.bias.copy_(head["dense.bias"])
        norm.weight.copy_(head["norm.weight"])
        norm.bias.copy_(head["norm.bias"])
        bias.copy_(head["bias"])
    return made.to(device())


def without_dropout(model: nn.Module) -> nn.Module:
    """The model without dropout, so that both sides can be compared."""
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    return model
