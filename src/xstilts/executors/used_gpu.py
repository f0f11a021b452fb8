"""The GPU that a process has used, for the record of a stage."""

from __future__ import annotations

import sys


def used_gpu() -> str:
    """Name of the GPU; empty for a process that has used none. Imports no torch."""
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_initialized():
        return ""
    return str(torch.cuda.get_device_name())
