"""Low-rank adapters (LoRA) in an encoder: the model that is trained.

Adapters are peft's. Its linear layers replace those of the blocks in place, under the same names,
so that packing, attention and the last block's shortcut work as without adapters. All other
weights, word embeddings included, are frozen. `adapter_files` has the adapters as stored.

Source: Hu et al. (2021), LoRA: Low-Rank Adaptation of Large Language Models.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from xstilts.config.lora import LoraConfig
from xstilts.core.errors import EncoderError
from xstilts.models.adapter_files import Adapter
from xstilts.models.encoder import Encoder
from xstilts.models.fast_dropout import replace_dropout
from xstilts.models.fast_linear import FastLinear
from xstilts.models.peft_package import check_peft

A, B = "lora_A", "lora_B"
NAME = "default"
"""peft's name of the adapter that is trained."""


def add_adapters(encoder: Encoder, config: LoraConfig, seed: int) -> tuple[str, ...]:
    """Freeze an encoder and add adapters to be trained; return the names of their layers.

    A is initialised as by peft (Kaiming uniform), from the seed; B is zero, so that the model
    computes the same as without adapters.

    Raises:
        MissingPackageError: peft is not installed.
        EncoderError: a name in `target_modules` matches no layer that can have an adapter.
    """
    check_peft()
    import peft

    layers = target_layers(encoder, config)
    options: dict[str, Any] = {
        "r": config.r,
        "lora_alpha": config.alpha,
        "lora_dropout": config.dropout,
        "target_modules": list(layers),
        "bias": "none",
    }
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of peft, about model types that it does not know
        torch.manual_seed(seed)
        peft.inject_adapter_in_model(peft.LoraConfig(**options), encoder.model)
    replace_dropout(encoder.model)
    assert adapter_of(encoder.model.state_dict(), config).layers.keys() == set(layers)
    return layers


def layers_text(layers: Sequence[str]) -> str:
    """Return which layers have adapters, for the provenance: `adapters in 24 layers: query, …`."""
    names = dict.fromkeys(layer.rpartition(".")[2] for layer in layers)
    return f"adapters in {len(layers)} layers: {', '.join(names)}"


def adapter_of(state: Mapping[str, Tensor], config: LoraConfig) -> Adapter:
    """Return the adapter in the state of a model that `add_adapters` prepared."""
    suffix = f".{A}.{NAME}.weight"
    names = (name.removesuffix(suffix) for name in state if name.endswith(suffix))
    layers = {
        name: (state[name + suffix], state[f"{name}.{B}.{NAME}.weight"]) for name in sorted(names)
    }
    return Adapter(config.alpha / config.r, layers)


def target_layers(encoder: Encoder, config: LoraConfig) -> tuple[str, ...]:
    """Return the names of the linear layers that get adapters.

    Raises:
        EncoderError: there are none, or a name in `target_modules` matches none.
    """
    layers, where = _called_layers(encoder), str(encoder.files.root)
    if not layers:
        raise EncoderError(
            "recipe.lora: the blocks of the encoder have no linear layers that adapters fit",
            where=where,
            todo="train all weights (lora: null)",
        )
    wanted = config.target_modules
    if wanted == "auto":
        wanted = _usual_names(encoder.model)
    if isinstance(wanted, str) or not wanted:
        return layers
    for name in wanted:
        if not any(_matches(layer, [name]) for layer in layers):
            known = dict.fromkeys(layer.rpartition(".")[2] for layer in layers)
            raise EncoderError(
                f"recipe.lora: the blocks of the encoder call no linear layer {name}",
                where=where,
                todo=f"name others in target_modules: {', '.join(known)}",
            )
    return tuple(layer for layer in layers if _matches(layer, wanted))


def _called_layers(encoder: Encoder) -> tuple[str, ...]:
    """Return the linear layers of the blocks that the encoder calls.

    In others, such as those whose weights a model reads itself, adapters would have no effect.
    """
    called: set[str] = set()
    linear = [
        (name, module) for name, module in _block_modules(encoder.model) if _is_linear(module)
    ]
    hooks = [
        module.register_forward_hook(lambda *_, name=name: called.add(name))
        for name, module in linear
    ]
    ids = encoder.ids[None, :4]
    try:
        with torch.no_grad():
            encoder.eval()(ids, torch.ones_like(ids), torch.zeros_like(ids))
    finally:
        for hook in hooks:
            hook.remove()
    return tuple(name for name, _ in linear if name in called)


def _block_modules(model: nn.Module) -> Iterable[tuple[str, nn.Module]]:
    """Yield the modules in the lists of a model, which are its blocks."""
    for name, module in model.named_modules():
        if any(part.isdecimal() for part in name.split(".")):
            yield name, module


def _is_linear(module: nn.Module) -> bool:
    return type(module) in (nn.Linear, FastLinear)


def _usual_names(model: PreTrainedModel) -> tuple[str, ...]:
    """Return the layers that peft adapts for the model type; empty if it does not know it."""
    from peft.utils.constants import TRANSFORMERS_MODELS_TO_LORA_TARGET_MODULES_MAPPING as USUAL

    names = USUAL.get(model.config.model_type, ())
    return () if isinstance(names, str) else tuple(names)  # a text is a regular expression


def _matches(layer: str, names: Iterable[str]) -> bool:
    return any(layer == name or layer.endswith(f".{name}") for name in names)
