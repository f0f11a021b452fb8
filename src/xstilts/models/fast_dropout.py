"""Dropout whose random bits are cheap to draw on a CPU.

torch draws a CPU's dropout masks one number after the other, which takes an eighth of a training
step of a small encoder. Here a whole mask is drawn at once by SFC64, seeded from torch's own
generator: masks stay a function of `torch.manual_seed`, and of the same distribution.
Threads that compute at the same time each draw from a generator of their own (`use_generator`).
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

LEVELS = 2**16
"""Shares are met to half of one over this: 0.1 becomes 0.100006."""

_thread = threading.local()


class Dropout(nn.Dropout):
    """`nn.Dropout`, drawn by `dropout`."""

    def forward(self, values: Tensor) -> Tensor:
        """Values of any shape, some of them zeroed while training."""
        return dropout(values, self.p) if self.training else values


def dropout(values: Tensor, share: float) -> Tensor:
    """Zero a share of the values and divide the others by what is left: inverted dropout.

    Elsewhere than on a CPU this is torch's own dropout.
    """
    if values.device.type != "cpu" or not 0 < share < 1:
        return functional.dropout(values, share)
    return values * dropout_mask(values, share)


def dropout_mask(values: Tensor, share: float) -> Tensor:
    """0 with the probability of the share, else what keeps the mean, in the values' shape."""
    own = getattr(_thread, "generator", None)
    seed, count = int(torch.randint(2**62, (), generator=own)), values.numel()
    dropped = min(round(share * LEVELS), LEVELS - 1)
    drawn = np.random.SFC64(seed).random_raw(-(-count // 4)).view(np.int16)[:count]
    kept = drawn >= dropped - LEVELS // 2  # int16 starts at minus half of the levels
    scale = np.float32(LEVELS / (LEVELS - dropped))
    found = torch.from_numpy(np.multiply(kept, scale, dtype=np.float32))
    return found.view(values.shape).to(values.dtype)


@contextmanager
def use_generator(generator: torch.Generator) -> Iterator[None]:
    """Let this thread's dropout be drawn from a generator for a while."""
    before = getattr(_thread, "generator", None)
    _thread.generator = generator
    try:
        yield
    finally:
        _thread.generator = before


def replace_dropout(model: nn.Module) -> None:
    """Put this dropout in the place of torch's, in all parts of a model."""
    for part in model.modules():
        for name, child in part.named_children():
            if type(child) is nn.Dropout:
                setattr(part, name, Dropout(child.p))
