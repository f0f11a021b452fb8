"""File locks that the operating system frees when their process dies."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from xstilts.core.errors import StoreError

UNUSABLE = (FileExistsError, IsADirectoryError, NotADirectoryError, NotImplementedError)
"""What says that a path cannot be a lock, or that the file system has none."""


@contextmanager
def wait_lock(path: Path) -> Iterator[None]:
    """Hold the lock for the block; waits while another process has it.

    Raises:
        StoreError: the operating system cannot lock the file.
    """
    lock = FileLock(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except UNUSABLE as error:
        raise StoreError(
            f"{path} cannot be locked: {getattr(error, 'strerror', None) or error}",
            todo="remove it while nothing runs, or fix its permissions, then run again",
        ) from error
    try:
        yield
    finally:
        lock.release()


def is_locked(path: Path) -> bool:
    """Whether another process holds the lock; a lock that does not exist is not created."""
    if not path.exists():
        return False
    try:
        with FileLock(path, timeout=0):
            return False
    except Timeout:
        return True
