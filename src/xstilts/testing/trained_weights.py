"""The files of a training in the layout of the store, with random changes in place of learning."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def write_training(root: Path, folder: Path, heads: Mapping[str, Tensor]) -> None:
    """Write another body, some embedding rows, a decay of the others, and heads.

    Args:
        root: the encoder in the layout of the store.
        folder: a new one.
        heads: their parameters by name, which are changed too.
    """
    import torch
    from safetensors.torch import load_file, save_file

    from xstilts.models.encoder_files import BODY, HEADS, ROWS, EncoderFiles

    draw = torch.Generator().manual_seed(5)

    def noisy(value: Tensor) -> Tensor:
        return value + 0.1 * torch.randn(value.shape, generator=draw)

    folder.mkdir()
    state = load_file(root / BODY)
    save_file({name: noisy(value) for name, value in state.items()}, folder / BODY)
    full = EncoderFiles(root).full_embeddings()
    ids = torch.arange(5, len(full), 3)
    decay = torch.tensor([0.9], dtype=torch.float64)
    save_file({"ids": ids, "weight": noisy(full[ids]), "decay": decay}, folder / ROWS)
    save_file({name: noisy(value) for name, value in heads.items()}, folder / HEADS)
