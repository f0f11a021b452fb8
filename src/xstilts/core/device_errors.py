"""Errors of a GPU: how they are recognized, and whether the program is their cause."""

from __future__ import annotations

import re

from xstilts.core.out_of_memory import is_out_of_memory

MESSAGES = re.compile(
    r"(CUDA|HIP|cuDNN|NCCL) error|CUDA unknown error|No CUDA GPUs|(CUBLAS|CUDNN)_STATUS_"
)
ASSERTED = "device-side assert"
"""In errors that the program causes on every GPU, such as a label beyond the classes."""


def is_device_error(error: BaseException) -> bool:
    """Whether a GPU has reported an error; recognized without importing torch.

    Its process cannot use the GPU any more. Exhausted memory is no such error.
    """
    if not isinstance(error, RuntimeError) or is_out_of_memory(error):
        return False
    return bool(MESSAGES.search(str(error)))


def is_of_program(error: BaseException) -> bool:
    """Whether a program has caused an error of a GPU, so that another GPU reports it as well."""
    return ASSERTED in str(error)
