"""Dropout with a faster random number generator on the CPU.

torch generates dropout masks on the CPU one number at a time, which takes an eighth of a training
step of a small encoder. Here SFC64 generates a mask at once, seeded from torch's generator:
masks still depend on `torch.manual_seed` and have the same distribution. Threads that run in
parallel use separate generators (`use_generator`).
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
"""Resolution of probabilities: 0.1 becomes 0.100006."""

_thread = threading.local()


class Dropout(nn.Dropout):
    """`nn.Dropout` that uses `dropout`."""

    def forward(self, values: Tensor) -> Tensor:
        """Apply dropout to values of any shape; the identity in evaluation mode."""
        return dropout(values, self.p) if self.training else values


def dropout(values: Tensor, p: float) -> Tensor:
    """Inverted dropout: zero values with probability p and divide the others by 1 - p.

    On other devices than the CPU this is torch's dropout.
    """
    if values.device.type != "cpu" or not 0 < p < 1:
        return functional.dropout(values, p)
    return values * dropout_mask(values, p)


def dropout_mask(values: Tensor, p: float) -> Tensor:
    """Return a mask of the shape of `values`: 0 with probability p, else about 1 / (1 - p)."""
    generator = getattr(_thread, "generator", None)
    seed, count = int(torch.randint(2**62, (), generator=generator)), values.numel()
    dropped = min(round(p * LEVELS), LEVELS - 1)
    random = np.random.SFC64(seed).random_raw(-(-count // 4)).view(np.int16)[:count]
    lowest = dropped - LEVELS // 2  # that is kept; the smallest int16 is -LEVELS / 2
    scale = LEVELS / (LEVELS - dropped)
    if values.dtype == torch.bfloat16:  # as 0 or 1 times the bits of the scale, which are an int16
        bits = torch.tensor(scale, dtype=torch.bfloat16).view(torch.int16)
        mask = torch.from_numpy(random).ge_(lowest).mul_(bits).view(torch.bfloat16)
    else:
        mask = torch.from_numpy(np.multiply(random >= lowest, np.float32(scale), dtype=np.float32))
    return mask.view(values.shape).to(values.dtype)


@contextmanager
def use_generator(generator: torch.Generator) -> Iterator[None]:
    """Use a generator for the dropout of this thread inside the context."""
    before = getattr(_thread, "generator", None)
    _thread.generator = generator
    try:
        yield
    finally:
        _thread.generator = before


def replace_dropout(model: nn.Module) -> None:
    """Replace every `nn.Dropout` of a model, in place."""
    for module in model.modules():
        for name, child in module.named_children():
            if type(child) is nn.Dropout:
                setattr(module, name, Dropout(child.p))
