"""File locks that the operating system frees when their process dies."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from errno import ENOLCK, ENOTSUP, EOPNOTSUPP
from pathlib import Path

from filelock import FileLock, Timeout

from xstilts.core.errors import StoreError

UNUSABLE = (FileExistsError, IsADirectoryError, NotADirectoryError, NotImplementedError)
"""What says that a path cannot be a lock, or that the file system has none."""
NO_LOCKS = (ENOLCK, ENOTSUP, EOPNOTSUPP)
"""What says that a file system is mounted without locks."""


@contextmanager
def wait_lock(path: Path) -> Iterator[None]:
    """Hold the lock for the block; waits while another process has it.

    Raises:
        StoreError: the operating system cannot lock the file.
    """
    lock = FileLock(path)
    with _clear_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def is_locked(path: Path) -> bool:
    """Whether another process holds the lock; a lock that does not exist is not created.

    Raises:
        StoreError: the operating system cannot lock the file.
    """
    if not path.exists():
        return False
    lock = FileLock(path, timeout=0)
    try:
        with _clear_errors(path):
            lock.acquire()
    except Timeout:
        return True
    lock.release()
    return False


@contextmanager
def _clear_errors(path: Path) -> Iterator[None]:
    """Within the block, what says that a file cannot be locked is a StoreError."""
    try:
        yield
    except Timeout:  # an OSError too
        raise
    except (OSError, NotImplementedError) as error:
        why = getattr(error, "strerror", None) or error
        if getattr(error, "errno", None) in NO_LOCKS:
            raise StoreError(
                f"the file system of {path.parent} has no file locks: {why}",
                todo="mount it with locks (Lustre: the option flock; NFS: a lock service), or use "
                "a store on another file system",
            ) from error
        if isinstance(error, UNUSABLE):
            raise StoreError(
                f"{path} cannot be locked: {why}",
                todo="remove it while nothing runs, or fix its permissions, then run again",
            ) from error
        raise
