"""Low-rank adapters as a training stage stores them, in place of all weights.

`adapters.safetensors` has, for every adapted layer, `N.LAYER.A` [r, inputs] and `N.LAYER.B`
[outputs, r]; N counts the trainings with adapters since the last training of all weights, from 0.
`adapters.json` has the scale of each. To read a model, W + scale · B A is computed in this order.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from safetensors.torch import load_file, save_file
from torch import Tensor

from xstilts.core.atomic_io import read_json, write_json
from xstilts.core.errors import EncoderError

ADAPTERS, SCALES = "adapters.safetensors", "adapters.json"


@dataclass(frozen=True)
class Adapter:
    """The low-rank change of a model by one training.

    Args:
        scale: alpha / r.
        layers: name of the linear layer → A [r, inputs] and B [outputs, r].
    """

    scale: float
    layers: Mapping[str, tuple[Tensor, Tensor]]

    def merge_into(self, state: dict[str, Tensor], where: str) -> None:
        """Add scale · B A to the weights of a model's state.

        Raises:
            EncoderError: the state has no such layer, or one of another shape.
        """
        for layer, (a, b) in self.layers.items():
            weight = state.get(f"{layer}.weight")
            if weight is None or weight.shape != (len(b), a.shape[1]):
                raise EncoderError(f"no layer of the encoder fits the adapter {layer}", where=where)
            state[f"{layer}.weight"] = weight + self.scale * (b @ a)


def read_adapters(folder: Path) -> list[Adapter]:
    """Read the adapters of a training stage in the order in which they were trained.

    Empty if it trained all weights.
    """
    if not (folder / ADAPTERS).is_file():
        return []
    tensors = load_file(folder / ADAPTERS)
    layers: list[dict[str, tuple[Tensor, Tensor]]] = []
    scales = read_json(folder / SCALES)["scales"]
    layers = [{} for _ in scales]
    for name, a in tensors.items():
        number, _, rest = name.partition(".")
        layer, _, factor = rest.rpartition(".")
        if factor == "A":
            layers[int(number)][layer] = a, tensors[f"{number}.{layer}.B"]
    return [Adapter(*pair) for pair in zip(scales, layers, strict=True)]


def write_adapters(folder: Path, adapters: Sequence[Adapter]) -> None:
    """Write the adapters of a training stage, those of earlier trainings first."""
    tensors = {
        f"{number}.{layer}.{name}": value.contiguous()
        for number, adapter in enumerate(adapters)
        for layer, pair in adapter.layers.items()
        for name, value in zip("AB", pair, strict=True)
    }
    save_file(tensors, folder / ADAPTERS)
    write_json(folder / SCALES, {"scales": [adapter.scale for adapter in adapters]})


def link_or_copy(source: Path, target: Path) -> None:
    """Give a file of an artifact a second name, without a copy where the disk supports it.

    Files of artifacts never change.
    """
    try:
        os.link(source, target)
    except OSError:  # another disk, or one without hard links
        shutil.copyfile(source, target)
