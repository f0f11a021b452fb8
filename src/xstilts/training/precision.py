"""The numeric precision of training and evaluation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal

import torch

from xstilts.config.recipe import AUTO, COMPUTED_IN, PRECISION

Precision = Literal["fp32", "tf32", "bf16"]
EVALUATION: Precision = "tf32"
"""Of predictions and vectors by default: products in TF32 on a GPU, in fp32 on a CPU."""


def resolve_precision(requested: str, device: torch.device) -> Precision:
    """Resolve the precision of training: `auto` is bf16 on GPUs that support it, else fp32.

    Older GPUs, such as V100 and T4, emulate bf16 and are slower in it than in fp32.
    """
    if requested == AUTO:
        is_native = device.type == "cuda" and torch.cuda.is_bf16_supported(
            including_emulation=False
        )
        return "bf16" if is_native else "fp32"
    return requested  # type: ignore[return-value]


@contextmanager
def tf32_context(precision: Precision) -> Iterator[None]:
    """Within the block, a GPU multiplies fp32 matrices in TF32 unless the precision is fp32.

    In bf16 that holds for the products that `autocast_context` leaves in fp32.
    """
    before = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = precision != "fp32"
    try:
        yield
    finally:
        torch.backends.cuda.matmul.allow_tf32 = before


def autocast_context(precision: Precision, device: torch.device) -> torch.autocast:
    """Within the context, matrix products are in bf16 if that is the precision; weights in fp32."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16")


def evaluation_precision(params: Mapping[str, Any]) -> Precision:
    """Precision of predictions and vectors in a stage with these parameters."""
    precision: Precision = params.get(PRECISION, EVALUATION)
    return precision


def precision_notes(precision: Precision) -> tuple[str, ...]:
    """What the provenance of predictions and vectors says of their precision."""
    return (f"{COMPUTED_IN}{precision}",) if precision == "bf16" else ()
