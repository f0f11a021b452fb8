"""Errors of a GPU: how they are recognized, and whether the GPU is their cause."""

from __future__ import annotations

import re

from xstilts.core.errors import ConfigError
from xstilts.core.out_of_memory import is_out_of_memory

DEVICE_FAILED, DEVICE_ASSERTED, DEVICE_UNCLEAR = "failed", "asserted", "unclear"
"""`device` in messages of workers: the GPU has reported an error; the program is the cause of one;
memory may be."""
LIBRARY = r"(cu|hip|roc)(BLAS(Lt)?|DNN|FFT|RAND|SOLVER|SPARSE)"
MESSAGES = re.compile(
    rf"\b(CUDA|HIP|MIOpen|{LIBRARY})( driver| unknown)? error|\b{LIBRARY}_\w*(STATUS|ERROR|FAILED)"
    r"|No (CUDA|HIP) GPUs|(cuda|hip)GetDeviceCount|no NVIDIA driver",
    re.IGNORECASE,
)
"""Also in those errors of NCCL that have such a cause ("unhandled cuda error"); others are of the
connections between processes."""
ASSERTED = "device-side assert"
"""In errors that the program causes on every GPU, such as a label beyond the classes."""
UNCLEAR = "_STATUS_NOT_INITIALIZED"
"""In errors of cuBLAS and cuDNN that exhausted memory causes more often than a broken GPU."""


class UnusableGpu(ConfigError):
    """A GPU that torch cannot use: it is broken, or lacks its driver or a suitable torch."""


def device_failure(error: BaseException) -> str:
    """What an error says of the GPU, as in messages of workers; empty if it is not the GPU's.

    Recognized without importing torch. The process cannot use the GPU any more. Exhausted memory
    is no such error.
    """
    if isinstance(error, UnusableGpu):
        return DEVICE_FAILED
    text = str(error)
    if not isinstance(error, RuntimeError) or is_out_of_memory(error) or not MESSAGES.search(text):
        return ""
    if ASSERTED in text:
        return DEVICE_ASSERTED
    return DEVICE_UNCLEAR if UNCLEAR in text else DEVICE_FAILED
