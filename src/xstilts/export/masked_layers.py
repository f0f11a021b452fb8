"""Where the classes of transformers for masked LM have the layers of xstilts' head.

The head (dense, activation, norm, tied embeddings and a bias) is that of BERT and RoBERTa; the
names of its layers are those that it is read by (`models.masked_head_types`).
"""

from __future__ import annotations

from collections.abc import Collection

import torch
from torch import Tensor

from xstilts.export.head_layers import NotRepresentable
from xstilts.export.task_head import TaskHead
from xstilts.models.encoder_files import MASKED_HEAD, EncoderFiles
from xstilts.models.masked_head_files import NEW_HEAD, head_functions
from xstilts.models.masked_head_types import KNOWN_HEADS, NAMES


def check_functions(head: TaskHead, files: EncoderFiles, auto_class: str) -> None:
    """Check that a class computes a head between its weights as it was trained.

    A pretrained head was trained with the functions of its class, a new one with those of RoBERTa.

    Raises:
        NotRepresentable: the class has another head, or other functions.
    """
    config = files.config()
    kind = config.model_type
    if kind not in KNOWN_HEADS:
        raise NotRepresentable(
            f"{auto_class} of the type {kind} has another head than that of {head.task}: dense, "
            "activation, norm and the word embeddings"
        )
    if (files.root / MASKED_HEAD).is_file():
        return
    computed = head_functions(config)
    if computed != NEW_HEAD:
        raise NotRepresentable(
            f"the head of {head.task} was trained from scratch, with {NEW_HEAD}, as the encoder's "
            f"files have none; {auto_class} of this encoder (type {kind}) computes {computed}",
            todo="export the encoder without its head: --without-head; or train again from an "
            "encoder whose files have a masked LM head",
        )


def masked_parameters(
    head: TaskHead, files: EncoderFiles, names: Collection[str], auto_class: str
) -> dict[str, Tensor]:
    """The parameters of a class that compute a head: name in the class → value.

    A norm without a bias gets it through the embeddings, as part of the bias of the outputs.

    Args:
        names: of all parameters of the class.

    Raises:
        NotRepresentable: the class lacks a layer.
    """
    weights = dict(head.weights)
    own = {
        parameter: name for parameter, aliases in NAMES.items() for name in aliases if name in names
    }
    if "norm.bias" not in own:
        shift = weights.pop("norm.bias")
        embeddings = files.embeddings(torch.arange(len(files.full_embeddings())))
        weights["bias"] = weights["bias"] + embeddings @ shift
    if lacking := sorted(weights.keys() - own.keys()):
        raise NotRepresentable(
            f"{auto_class} of the type {files.config().model_type} has no {lacking[0]}, which the "
            f"head of {head.task} has"
        )
    return {own[parameter]: value for parameter, value in weights.items()}
