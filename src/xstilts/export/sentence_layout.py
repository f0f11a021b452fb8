"""The layout of sentence-transformers: a Transformer, its pooling, and dense layers.

`1_Pooling` is the pooling of sentence vectors. A sentence head that no class of transformers
computes is two `Dense` modules after it, so that `encode` returns the logits.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from safetensors.torch import save_file

from xstilts.core.atomic_io import read_json, write_json
from xstilts.export.task_head import TaskHead
from xstilts.models.encoder_config import FIRST, LAST, MEAN
from xstilts.models.sentence_modules import WEIGHTS
from xstilts.models.sentence_transformers import CONFIG, MODULES, POOLING, PROMPTS
from xstilts.models.tuned_head import FORMAT, HEAD_LABELS

PACKAGE = "sentence_transformers.models"
DENSE = "{number}_Dense"
TANH, IDENTITY = "torch.nn.modules.activation.Tanh", "torch.nn.modules.linear.Identity"
PROMPT = "retrieval"
"""Name of the prompt that xstilts put before each sentence."""
POOLING_MODES = {FIRST: "cls_token", MEAN: "mean_tokens", LAST: "lasttoken"}


def write_layout(
    folder: Path,
    width: int,
    pooling: str,
    *,
    max_length: int | None = None,
    prompt: str = "",
    similarity: str = "cosine",
    head: TaskHead | None = None,
) -> None:
    """Write the modules of sentence-transformers to the folder of an encoder.

    Args:
        width: of the encoder's states.
        max_length: sub-words that a text is cut at.
        prompt: put before each text.
        head: a sentence head; without it the output is the sentence vector.
    """
    modules = [("", "Transformer"), (POOLING, "Pooling")]
    modes = {f"pooling_mode_{name}": kind == pooling for kind, name in POOLING_MODES.items()}
    _write(folder / POOLING / CONFIG, {"word_embedding_dimension": width, **modes})
    if head:
        for number, (layer, activation) in enumerate((("dense", TANH), ("out", IDENTITY)), 2):
            path = DENSE.format(number=number)
            _write_dense(folder / path, head, layer, activation)
            modules.append((path, "Dense"))
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


def _write_dense(folder: Path, head: TaskHead, layer: str, activation: str) -> None:
    weight = head.weights[f"{layer}.weight"]
    config = {
        "in_features": weight.shape[1],
        "out_features": weight.shape[0],
        "bias": True,
        "activation_function": activation,
    }
    _write(folder / CONFIG, config)
    state = {f"linear.{part}": head.weights[f"{layer}.{part}"] for part in ("weight", "bias")}
    save_file({name: value.contiguous() for name, value in state.items()}, folder / WEIGHTS)
