"""Out of memory: how it is recognized, and what the user is advised to do."""

from __future__ import annotations

import re

from xstilts.core.errors import XstiltsError

MESSAGES = re.compile(r"out of memory|can't allocate memory|not enough memory|ALLOC_FAILED")
"""In errors of CUDA, of torch's allocator on the CPU, and of cuBLAS and cuDNN."""
TODO = (
    "lower max_length, set gradient_checkpointing: true (training), use fewer --workers, "
    "or use a device with more memory"
)


class OutOfMemory(XstiltsError):
    """A stage that does not fit into memory even with one example at a time."""

    exit_code = 3

    def __init__(self, what: str) -> None:
        super().__init__(what, todo=TODO)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error means that memory is exhausted; recognized without importing torch."""
    if isinstance(error, MemoryError):
        return True
    return isinstance(error, RuntimeError) and bool(MESSAGES.search(str(error)))
