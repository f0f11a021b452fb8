"""The device that models compute on."""

from __future__ import annotations

import os

import torch

from xstilts.core.device_errors import UnusableGpu
from xstilts.core.devices import VISIBLE, visible_gpus


def compute_device() -> torch.device:
    """The first GPU that CUDA shows this process, else the CPU.

    The executor gives each worker its own CUDA_VISIBLE_DEVICES (`core.devices`). Apple GPUs
    (MPS) are never used: packed attention and its gradients are not tested there.

    Raises:
        UnusableGpu: this process was given a GPU that torch cannot use. Computing on the CPU
            instead would be slow, and in another precision, silently.
    """
    if torch.cuda.is_available():
        return torch.device("cuda")
    if VISIBLE in os.environ and (gpus := visible_gpus()):
        raise UnusableGpu(
            f"torch {torch.__version__} cannot use GPU {','.join(gpus)}",
            where=f"${VISIBLE}",
            todo="check that `nvidia-smi` lists the GPU; if so, install a torch build for it, or "
            "run with --devices cpu",
        )
    return torch.device("cpu")


def describe_device() -> str:
    """The device and its name, for display."""
    if torch.cuda.is_available():
        return f"{torch.cuda.get_device_name()} (CUDA {torch.version.cuda or 'by ROCm'})"
    unused = "; the Apple GPU is not supported" if torch.backends.mps.is_available() else ""
    return f"CPU{unused}"
