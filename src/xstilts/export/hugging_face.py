"""An encoder and its head as one model of transformers, with the whole vocabulary."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, cast

import torch
import transformers
from torch import Tensor, nn
from transformers import PretrainedConfig, PreTrainedModel

from xstilts.export.head_layers import (
    NotRepresentable,
    check_pooling,
    head_config,
    head_layers,
)
from xstilts.export.masked_layers import check_functions, masked_parameters
from xstilts.export.task_head import AUTO_CLASSES, TOKEN, TaskHead
from xstilts.models.encoder_config import T5_TYPES
from xstilts.models.encoder_files import EncoderFiles, embedding_names, word_embeddings
from xstilts.models.encoder_import import save_tokenizer
from xstilts.models.import_checks import is_pooler


def encoder_model(files: EncoderFiles, layer: int | None = None) -> PreTrainedModel:
    """The encoder with its whole vocabulary; adapters are merged.

    Args:
        layer: its last block; none for all. Only of models whose blocks end in their own norm.
    """
    model = files.model(torch.arange(len(files.full_embeddings())))
    if layer is not None:
        blocks = cast("nn.ModuleList", model.get_submodule("encoder.layer"))
        del blocks[layer:]
        model.config.num_hidden_layers = layer
    return model


def class_of(head: TaskHead, config: PretrainedConfig) -> str:
    """The name of the class that computes a head.

    Where a family has no class for spans, two labels of a token classifier are the same.

    Raises:
        NotRepresentable: transformers has no such class for the type of model.
    """
    kind, name = config.model_type, AUTO_CLASSES[head.format].name
    names = [name, TOKEN] if head.format == "span" else [name]
    if head.format == "span" and kind in T5_TYPES:  # its class has a decoder
        names = [TOKEN]
    for candidate in names:
        if type(config) in getattr(transformers, candidate)._model_mapping:
            return candidate
    raise NotRepresentable(f"transformers has no {name} for models of the type {kind}")


def task_model(files: EncoderFiles, head: TaskHead) -> tuple[str, PreTrainedModel]:
    """The name of the auto class, and its model with the weights of encoder and head.

    Raises:
        NotRepresentable: no class computes the head.
    """
    config = files.config()
    auto_class = class_of(head, config)
    check_pooling(head, config.model_type, auto_class)
    if head.is_masked_lm:
        check_functions(head, files, auto_class)
    for name, value in head_config(head, config).items():
        setattr(config, name, value)
    _set_labels(config, head)
    model: PreTrainedModel = getattr(transformers, auto_class).from_config(
        config, trust_remote_code=False
    )
    body, base = files.body(), model.base_model_prefix
    names = model.state_dict().keys()
    if head.is_masked_lm:
        parameters: Mapping[str, Tensor] = masked_parameters(head, files, names, auto_class)
    else:
        parameters = head_layers(head, config, names, base, auto_class, body).parameters
    encoder = getattr(model, base)
    missing, unexpected = encoder.load_state_dict(body, strict=False)
    own = {name for name in names if not name.startswith(f"{base}.")}
    unset = own | {f"{base}.{name}" for name in missing}
    unset -= embedding_names(model) | _tied_names(model, parameters)
    if not head.is_sentence_head:
        unset -= _zeroed_pooler(model, unset)
    if unset or unexpected:
        raise NotRepresentable(
            f"{type(model).__name__} has weights that were not trained: "
            f"{', '.join(sorted([*unset, *unexpected])[:3])}"
        )
    _set(model, parameters, auto_class)
    vocabulary = torch.arange(len(files.full_embeddings()))
    word_embeddings(encoder).weight.data.copy_(files.embeddings(vocabulary))
    return auto_class, model.eval()


def _tied_names(model: PreTrainedModel, names: Iterable[str]) -> set[str]:
    """All names of the parameters that have these names."""
    parameters = dict(model.named_parameters(remove_duplicate=False))
    given = {id(parameters[name]) for name in names if name in parameters}
    return {name for name, value in parameters.items() if id(value) in given}


def _zeroed_pooler(model: PreTrainedModel, names: Iterable[str]) -> set[str]:
    """The names that are a pooler's, which is set to zero: it is not read, and would be random."""
    state, poolers = model.state_dict(), {name for name in names if is_pooler(name)}
    for name in poolers:
        state[name].zero_()
    return poolers


def _set(model: PreTrainedModel, parameters: Any, auto_class: str) -> None:
    state = model.state_dict()
    for name, value in parameters.items():
        if name not in state and not bool(value.any()):
            continue  # a bias of zero
        if name not in state or state[name].shape != value.shape:
            raise NotRepresentable(f"{auto_class}: the head's {name} has no equal")
        state[name].copy_(value)


def _set_labels(config: PretrainedConfig, head: TaskHead) -> None:
    """Set the names of the outputs, and what kind of problem they are."""
    if head.is_masked_lm:
        return
    labels = dict(enumerate(head.output_labels))
    config.id2label = labels
    config.label2id = {label: number for number, label in labels.items()}
    if head.format == "regression":
        config.problem_type = "regression"
    elif head.format == "classification":
        config.problem_type = "single_label_classification"


def save_model(
    folder: Path, files: EncoderFiles, model: PreTrainedModel, max_length: int | None
) -> None:
    """Write model and tokenizer.

    Args:
        max_length: sub-words that a text is cut at by default; None: those of the tokenizer.
    """
    model.save_pretrained(folder)
    tokenizer = copy.deepcopy(files.tokenizer())
    if max_length:
        tokenizer.model_max_length = max_length
    if _needs_types(tokenizer, model.config):
        names = [*tokenizer.model_input_names, "token_type_ids"]
        tokenizer.model_input_names = names
        tokenizer.init_kwargs["model_input_names"] = names  # else save_pretrained leaves it out
    save_tokenizer(tokenizer, folder)


def _needs_types(tokenizer: Any, config: PretrainedConfig) -> bool:
    """Whether segment ids that the model was trained with are left out by default."""
    if getattr(config, "type_vocab_size", 0) < 2:
        return False
    if "token_type_ids" in tokenizer.model_input_names:
        return False
    return any(tokenizer("a", "a", return_token_type_ids=True)["token_type_ids"])
