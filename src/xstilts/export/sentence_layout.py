"""The layout of sentence-transformers: a Transformer, its pooling, and dense layers.

`1_Pooling` is the pooling of sentence vectors. A sentence head that no class of transformers
computes is two `Dense` modules after it, so that `encode` returns the logits. The projection of the
text side of an image-text model is one, so that `encode` returns the vectors of its joint space.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from safetensors.torch import save_file
from torch import Tensor
from transformers import AutoModel

from xstilts.core.atomic_io import read_json, write_json
from xstilts.export.task_head import TaskHead
from xstilts.models.encoder_config import FIRST, LAST, MEAN
from xstilts.models.encoder_files import EncoderFiles
from xstilts.models.sentence_modules import WEIGHTS
from xstilts.models.sentence_transformers import CONFIG, MODULES, POOLING, PROMPTS
from xstilts.models.tuned_head import FORMAT, HEAD_LABELS

PACKAGE = "sentence_transformers.models"
DENSE = "{number}_Dense"
TANH, IDENTITY = "torch.nn.modules.activation.Tanh", "torch.nn.modules.linear.Identity"
PROMPT = "retrieval"
"""Name of the prompt that xstilts put before each sentence."""
POOLING_MODES = {FIRST: "cls_token", MEAN: "mean_tokens", LAST: "lasttoken"}


class DenseLayer(NamedTuple):
    """A module `Dense`.

    Args:
        weight, bias: [out, in], [out] or none.
        activation: its class.
    """

    weight: Tensor
    bias: Tensor | None
    activation: str


def obstacle(files: EncoderFiles) -> str:
    """Why sentence-transformers cannot open an encoder as it was trained; empty if it can."""
    config = files.config()
    if files.text_length is not None:
        return (
            f"an encoder of the type {config.model_type} reads padding, which no encoder of "
            "sentence-transformers does"
        )
    if type(config) not in AutoModel._model_mapping:
        return (
            f"AutoModel, with which sentence-transformers opens encoders, has no class for the "
            f"type {config.model_type}"
        )
    return ""


def write_layout(
    folder: Path,
    width: int,
    pooling: str,
    *,
    max_length: int | None = None,
    prompt: str = "",
    similarity: str = "cosine",
    head: TaskHead | None = None,
    projection: Tensor | None = None,
) -> None:
    """Write the modules of sentence-transformers to the folder of an encoder.

    Args:
        width: of the encoder's states.
        max_length: sub-words that a text is cut at.
        prompt: put before each text.
        head: a sentence head; without it the output is the sentence vector.
        projection: [out, width] of the sentence vector; none to leave it as it is.
    """
    modules = [("", "Transformer"), (POOLING, "Pooling")]
    modes = {f"pooling_mode_{name}": kind == pooling for kind, name in POOLING_MODES.items()}
    _write(folder / POOLING / CONFIG, {"word_embedding_dimension": width, **modes})
    layers = [] if projection is None else [DenseLayer(projection, None, IDENTITY)]
    if head:
        layers += [
            DenseLayer(head.weights[f"{name}.weight"], head.weights[f"{name}.bias"], activation)
            for name, activation in (("dense", TANH), ("out", IDENTITY))
        ]
    for number, layer in enumerate(layers, 2):
        path = DENSE.format(number=number)
        _write_dense(folder / path, layer)
        modules.append((path, "Dense"))
    if head:
        config = read_json(folder / CONFIG)
        own = {FORMAT: head.format, HEAD_LABELS: list(head.output_labels)}
        write_json(folder / CONFIG, {**config, **own})
    _write(
        folder / MODULES,
        [
            {"idx": number, "name": str(number), "path": path, "type": f"{PACKAGE}.{kind}"}
            for number, (path, kind) in enumerate(modules)
        ],
    )
    limit = {"max_seq_length": max_length} if max_length else {}
    _write(folder / "sentence_bert_config.json", {**limit, "do_lower_case": False})
    prompts = {PROMPT: prompt} if prompt else {}
    default = PROMPT if prompt else None
    _write(
        folder / PROMPTS,
        {
            "prompts": prompts,
            "default_prompt_name": default,
            "similarity_fn_name": similarity,
        },
    )


def _write(path: Path, value: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, value)


def _write_dense(folder: Path, layer: DenseLayer) -> None:
    config = {
        "in_features": layer.weight.shape[1],
        "out_features": layer.weight.shape[0],
        "bias": layer.bias is not None,
        "activation_function": layer.activation,
    }
    _write(folder / CONFIG, config)
    state = {"linear.weight": layer.weight.contiguous()}
    if layer.bias is not None:
        state["linear.bias"] = layer.bias.contiguous()
    save_file(state, folder / WEIGHTS)
