"""File locks that the operating system frees when their process dies."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout


@contextmanager
def wait_lock(path: Path) -> Iterator[None]:
    """Hold the lock for the block; waits while another process has it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path):
        yield


def is_locked(path: Path) -> bool:
    """Whether another process holds the lock; a lock that does not exist is not created."""
    if not path.exists():
        return False
    try:
        with FileLock(path, timeout=0):
            return False
    except Timeout:
        return True
