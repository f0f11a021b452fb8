"""The modules of sentence-transformers after the Transformer: pooling and dense layers."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, cast

from safetensors.torch import load_file
from torch import Tensor, nn

from xstilts.core.atomic_io import read_json
from xstilts.core.errors import EncoderError
from xstilts.models.pooling import pool
from xstilts.models.sentence_transformers import CONFIG, MODULES, sentence_encoder_of

WEIGHTS = "model.safetensors"
ACTIVATIONS = "torch.nn.modules."
"""Beginning of the names of activations that are computed."""


def sentence_output(folder: Path, states: Tensor, mask: Tensor) -> Tensor:
    """The output of the modules after the Transformer, as sentence-transformers computes it.

    Args:
        folder: with the layout.
        states, mask: [b, t, width], [b, t] last hidden states and mask.
    """
    encoder = sentence_encoder_of(lambda path: json.loads((folder / path).read_bytes()))
    assert encoder is not None
    output = pool(states, mask, encoder.pooling)
    for module in read_json(folder / MODULES)[2:]:
        output = _dense(folder / module["path"])(output)
    return output


def _dense(folder: Path) -> Callable[[Tensor], Tensor]:
    config: Mapping[str, Any] = read_json(folder / CONFIG)
    state = load_file(folder / WEIGHTS)
    package, _, name = str(config["activation_function"]).rpartition(".")
    if not f"{package}.".startswith(ACTIVATIONS):  # other code is not run
        raise EncoderError(
            f"the activation {package}.{name} is not one of torch", where=str(folder)
        )
    activation: nn.Module = getattr(import_module(package), name)()

    def dense(vectors: Tensor) -> Tensor:
        linear = nn.functional.linear(vectors, state["linear.weight"], state.get("linear.bias"))
        return cast("Tensor", activation(linear))

    return dense
