"""Hidden states of an encoder with adapters: before they are merged, and read back merged."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from xstilts.config.lora import LoraConfig
from xstilts.models.adapter_files import write_adapters
from xstilts.models.encoder import Encoder
from xstilts.models.encoder_files import EncoderFiles
from xstilts.models.lora import adapter_of, add_adapters

IDS = torch.tensor([[0, 20, 41, 32, 57, 2], [0, 38, 24, 2, 1, 1]])
MASK = (IDS != 1).long()
LORA = LoraConfig(alpha=4)


class AdapterStates(NamedTuple):
    """States of two texts of an encoder whose adapters are not zero.

    Args:
        encoder: with the adapters, not merged.
        layers: names of the layers that have one.
        untrained: the states with the adapters as they start.
        unmerged, merged: the states with other adapters.
    """

    encoder: Encoder
    layers: tuple[str, ...]
    untrained: Tensor
    unmerged: Tensor
    merged: Tensor


def adapter_states(root: Path, trained: Path) -> AdapterStates:
    """Add adapters to an imported encoder, draw their weights, and store them.

    Args:
        root: folder of the encoder.
        trained: folder for the adapters; it is created.
    """
    plain = EncoderFiles(root)
    rows = torch.arange(len(plain.full_embeddings()))
    encoder = Encoder(plain, rows)
    layers = add_adapters(encoder, LORA, 1)
    untrained = states_of(encoder)
    draw = torch.Generator().manual_seed(3)
    for name, value in encoder.model.named_parameters():
        if ".lora_B." in name:
            value.data.normal_(std=0.2, generator=draw)
    trained.mkdir()
    write_adapters(trained, [adapter_of(encoder.model.state_dict(), LORA)])
    merged = states_of(Encoder(EncoderFiles(root, trained), rows))
    return AdapterStates(encoder, layers, untrained, states_of(encoder), merged)


def states_of(encoder: Encoder) -> Tensor:
    """The last hidden states of the tokens of two texts."""
    with torch.no_grad():
        states: Tensor = encoder.eval()(IDS, MASK, torch.zeros_like(IDS))[MASK == 1]
    return states
