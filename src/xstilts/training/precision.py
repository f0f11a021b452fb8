"""Which numbers a run computes with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import torch

Precision = Literal["fp32", "tf32", "bf16"]
EVALUATION: Precision = "tf32"
"""Predictions and vectors: on a GPU products in TF32, on a CPU plain fp32."""


def resolve_precision(wanted: str) -> Precision:
    """The precision of a training run: `auto` is bf16 on a GPU that has it, else fp32."""
    if wanted == "auto":
        return "bf16" if torch.cuda.is_available() and torch.cuda.is_bf16_supported() else "fp32"
    return wanted  # type: ignore[return-value]


@contextmanager
def tf32_context(precision: Precision) -> Iterator[None]:
    """Let the GPU's products of fp32 matrices be TF32, or not, for a while; a CPU's are fp32.

    In bf16, what `mixed` leaves in fp32 is multiplied in TF32.
    """
    before = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = precision != "fp32"
    try:
        yield
    finally:
        torch.backends.cuda.matmul.allow_tf32 = before


def autocast_context(precision: Precision, device: torch.device) -> torch.autocast:
    """A context in which products are in bf16, if that is the precision; weights stay fp32."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16")
