"""The device that models compute on."""

from __future__ import annotations

import torch


def compute_device() -> torch.device:
    """The first GPU that CUDA shows this process, else the CPU.

    The executor gives each worker a CUDA_VISIBLE_DEVICES of its own (`core.devices`). Apple GPUs
    (MPS) are never used: packed attention and its gradients are not tested there.
    """
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def describe_device() -> str:
    """The device with its name, for people."""
    if compute_device().type == "cuda":
        return f"{torch.cuda.get_device_name()} (CUDA {torch.version.cuda or 'by ROCm'})"
    unused = "; the Apple GPU is not supported" if torch.backends.mps.is_available() else ""
    return f"CPU{unused}"
