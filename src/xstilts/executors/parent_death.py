"""A process that ends with the process that started it."""

from __future__ import annotations

import ctypes
import signal
import sys
from contextlib import suppress

PR_SET_PDEATHSIG = 1
"""Of Linux's prctl(2)."""


def end_with_parent() -> None:
    """Let the kernel kill this process when the thread that started it ends; on Linux only."""
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
