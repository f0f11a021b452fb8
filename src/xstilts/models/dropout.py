"""Dropout whose random bits are cheap to draw on a CPU.

torch draws a CPU's dropout masks one number after the other, which takes an eighth of a training
step of a small encoder. Here a whole mask is drawn at once by SFC64, seeded from torch's own
generator: masks stay a function of `torch.manual_seed`, and of the same distribution.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

BITS = 32


class Dropout(nn.Dropout):
    """`nn.Dropout`, drawn by `dropout`."""

    def forward(self, values: Tensor) -> Tensor:
        """Values of any shape, some of them zeroed while training."""
        return dropout(values, self.p) if self.training else values


def dropout(values: Tensor, share: float) -> Tensor:
    """Zero a share of the values and divide the others by what is left: inverted dropout.

    The share is met to 2^-32. Elsewhere than on a CPU this is torch's own dropout.
    """
    if values.device.type != "cpu" or not 0 < share < 1:
        return functional.dropout(values, share)
    return values * _noise(values, share)


def _noise(values: Tensor, share: float) -> Tensor:
    """0 with the probability of the share, else 1 / (1 - share), in the shape of the values."""
    seed = int(torch.randint(2**62, ()))
    words = -(-values.numel() // 2)
    raw = np.random.SFC64(seed).random_raw(words).view(np.int32)[: values.numel()]
    least = round(share * 2**BITS) - 2 ** (BITS - 1)  # of int32, which starts at -2^31
    kept: Tensor = torch.from_numpy(raw).view(values.shape) >= least
    return kept.to(values.dtype).mul_(1 / (1 - share))


def quicken(model: nn.Module) -> None:
    """Put this dropout in the place of torch's, in all parts of a model."""
    for part in model.modules():
        for name, child in part.named_children():
            if type(child) is nn.Dropout:
                setattr(part, name, Dropout(child.p))
