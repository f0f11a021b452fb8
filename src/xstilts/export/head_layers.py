"""Where the classes of transformers have the layers of xstilts' heads.

A sentence head (dense, tanh, output) is that of RoBERTa, and BERT's pooler with its classifier. A
token head is one linear layer. What an architecture computes in addition is made an identity where
its config allows this; otherwise the head is not representable.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from transformers import PretrainedConfig

from xstilts.core.errors import EncoderError
from xstilts.export.task_head import TaskHead
from xstilts.models.encoder_config import FIRST

BASE = "{base}"
"""In a name, the prefix of the encoder."""
SENTENCE_LAYERS = (
    ("classifier.dense", "classifier.out_proj"),
    (f"{BASE}.pooler.dense", "classifier"),
    (f"{BASE}.pooler", "classifier"),
    ("pooler.dense", "classifier"),
    ("sequence_summary.summary", "classifier"),
)
"""Names of the dense layer and the output: RoBERTa, BERT, ALBERT, DeBERTa, ELECTRA's choices."""
TOKEN_LAYERS = ("classifier", "score", "qa_outputs")
"""Names of the output of a token head."""
OTHER_ACTIVATIONS = {
    "electra": {"AutoModelForSequenceClassification": "GELU"},
    "distilbert": dict.fromkeys(
        ("AutoModelForSequenceClassification", "AutoModelForMultipleChoice"), "ReLU"
    ),
    "eurobert": {"AutoModelForSequenceClassification": "GELU"},
}
"""Model type → class → its activation, which is not tanh."""
SENTENCE_CONFIG: Mapping[str, Mapping[str, Any]] = {
    "deberta": {"pooler_hidden_act": "tanh"},
    "deberta-v2": {"pooler_hidden_act": "tanh"},
    "electra": {
        "summary_type": "first",
        "summary_use_proj": True,
        "summary_activation": "tanh",
    },
}
"""Model type → values of its config with which it computes tanh of the first token."""
MASKED_CONFIG: Mapping[str, Mapping[str, Any]] = {
    "modernbert": {"classifier_bias": True, "decoder_bias": True},
}
"""Model type → values of its config with which its masked LM head has all biases."""
NORMED_HEADS = frozenset({"modernbert"})
"""Model types whose token heads are dense, activation, norm, output."""


class NotRepresentable(EncoderError):
    """A head that no class of transformers for the architecture computes."""


@dataclass(frozen=True)
class HeadLayers:
    """The parameters of a class that compute a head.

    Args:
        parameters: name in the class → value.
        config: values of the config.
    """

    parameters: Mapping[str, Tensor]
    config: Mapping[str, Any] = field(default_factory=dict)


def head_config(head: TaskHead, config: PretrainedConfig) -> dict[str, Any]:
    """The values of a config with which a class of its type computes a head."""
    kind = config.model_type
    if head.is_masked_lm:
        return {"tie_word_embeddings": True, **MASKED_CONFIG.get(kind, {})}
    if head.is_sentence_head:
        return dict(SENTENCE_CONFIG.get(kind, {}))
    if kind in NORMED_HEADS:
        return {"classifier_activation": "linear", "classifier_bias": False}
    return {}


def check_pooling(head: TaskHead, kind: str, auto_class: str) -> None:
    """Check that a class reads what a sentence head reads.

    Raises:
        NotRepresentable: it pools or activates otherwise.
    """
    if not head.is_sentence_head:
        return
    if head.pooling != FIRST:
        read = {"mean": "the mean of all tokens", "last": "the last token"}[head.pooling]
        raise NotRepresentable(
            f"{auto_class} of the type {kind} has no tanh layer over {read}, which the head of "
            f"{head.task} reads"
        )
    if activation := OTHER_ACTIVATIONS.get(kind, {}).get(auto_class):
        raise NotRepresentable(
            f"{auto_class} of the type {kind} computes {activation}, the head of {head.task} tanh"
        )


def head_layers(
    head: TaskHead,
    config: PretrainedConfig,
    names: Collection[str],
    base: str,
    auto_class: str,
    body: Mapping[str, Tensor],
) -> HeadLayers:
    """The parameters of a class that compute a head.

    Args:
        config: of the encoder.
        names: of all parameters of the class.
        base: prefix of the encoder's.
        auto_class: name of the class, for messages.
        body: the encoder's parameters.

    Raises:
        NotRepresentable: there are none.
    """
    values = head_config(head, config)
    if head.is_sentence_head:
        for pair in SENTENCE_LAYERS:
            dense, out = (name.replace(BASE, base) for name in pair)
            if {f"{dense}.weight", f"{out}.weight"} <= set(names):
                layers = {**_renamed(head, "dense", dense), **_renamed(head, "out", out)}
                return HeadLayers(layers, values)
    else:
        for out in TOKEN_LAYERS:
            if f"{out}.weight" in names:
                extra = _identity(body, config) if config.model_type in NORMED_HEADS else {}
                return HeadLayers({**extra, **_renamed(head, "out", out)}, values)
    raise NotRepresentable(
        f"{auto_class} of the type {config.model_type} has no layers like those of the head of "
        f"{head.task} ({', '.join(sorted(head.weights))})"
    )


def _renamed(head: TaskHead, layer: str, name: str) -> dict[str, Tensor]:
    return {f"{name}.{part}": head.weights[f"{layer}.{part}"] for part in ("weight", "bias")}


def _identity(body: Mapping[str, Tensor], config: PretrainedConfig) -> dict[str, Tensor]:
    """Dense layer and norm of ModernBERT's heads that change nothing.

    The states are the output of the final norm: without its scale they have mean 0 and variance 1,
    which a second norm leaves as they are but for its epsilon.

    Raises:
        NotRepresentable: the final norm has a bias, or a scale of zero.
    """
    scale = body["final_norm.weight"]
    if config.norm_bias or bool((scale.abs() < torch.finfo(scale.dtype).eps).any()):
        raise NotRepresentable("the norms of the encoder have a bias, or a scale of zero")
    correction = math.sqrt(1 + config.norm_eps)
    return {"head.dense.weight": torch.diag(1 / scale), "head.norm.weight": scale * correction}
