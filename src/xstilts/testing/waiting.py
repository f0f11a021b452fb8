"""Waiting for something that another process does."""

from __future__ import annotations

import time
from collections.abc import Callable

PAUSE = 0.02


def wait_until(condition: Callable[[], object], seconds: float = 120.0) -> None:
    """Wait until a condition holds.

    Raises:
        TimeoutError: it did not hold in time.
    """
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            raise TimeoutError("the condition never held")
        time.sleep(PAUSE)
