"""The weights of a training stage; see `models.encoder_files` for the files."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from xstilts.config.lora import LoraConfig
from xstilts.models.adapter_files import link_or_copy, read_adapters, write_adapters
from xstilts.models.encoder_files import (
    BODY,
    HEADS,
    ROWS,
    EncoderFiles,
    embedding_name,
    embedding_names,
)
from xstilts.models.lora import adapter_of
from xstilts.training.multitask_model import MultiTaskModel
from xstilts.training.run_log import Trained


def write_weights(
    folder: Path,
    files: EncoderFiles,
    model: MultiTaskModel,
    trained: Trained,
    lora: LoraConfig | None = None,
) -> None:
    """Write the heads, and the encoder's weights or the adapters that were trained instead.

    Args:
        files: the encoder that the training started from.
    """
    parts: dict[str, dict[str, Tensor]] = {"encoder": {}, "heads": {}}
    for name, value in trained.state.items():
        part, _, rest = name.partition(".")
        parts[part][rest.removeprefix("model.")] = value.contiguous()
    save_file(parts["heads"], folder / HEADS)
    if lora:
        _write_adapters(folder, files, parts["encoder"], lora)
    else:
        _write_all(folder, files, model, parts["encoder"], trained.log.best_decay)


def _write_all(
    folder: Path, files: EncoderFiles, model: MultiTaskModel, state: dict[str, Tensor], decay: float
) -> None:
    """Write the body and the trained embedding rows."""
    weight = state[embedding_name(model.encoder.model)]
    for name in embedding_names(model.encoder.model):
        state.pop(name, None)
    rows = files.trained_rows().compose(model.encoder.ids.cpu(), weight, decay)
    save_file(state, folder / BODY)
    factor = torch.tensor([rows.decay], dtype=torch.float64)
    save_file({"ids": rows.ids, "weight": rows.weight, "decay": factor}, folder / ROWS)


def _write_adapters(
    folder: Path, files: EncoderFiles, state: dict[str, Tensor], lora: LoraConfig
) -> None:
    """Write the adapters after those that the encoder has, and link to its trained weights."""
    earlier = read_adapters(files.trained) if files.trained else []
    write_adapters(folder, [*earlier, adapter_of(state, lora)])
    for name in (BODY, ROWS):
        if files.trained and (files.trained / name).is_file():
            link_or_copy(files.trained / name, folder / name)
