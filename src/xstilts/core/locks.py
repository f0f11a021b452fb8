"""File locks that the operating system frees when their process dies."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout


@contextmanager
def try_lock(path: Path) -> Iterator[bool]:
    """Hold the lock for the block; yields False at once if another process has it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        yield False
        return
    try:
        yield True
    finally:
        lock.release()


@contextmanager
def wait_lock(path: Path) -> Iterator[None]:
    """Hold the lock for the block; waits while another process has it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path):
        yield
