"""A file system without file locks is named by a clear error."""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path

import pytest

from xstilts.core.errors import StoreError
from xstilts.core.locks import is_locked, wait_lock


def without_locks(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def flock(_descriptor: int, _operation: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", flock)


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_is_a_clear_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    without_locks(monkeypatch, number)
    path = tmp_path / "features" / "locks" / "a.lock"
    with pytest.raises(StoreError) as raised, wait_lock(path):
        pass
    text = str(raised.value)
    assert f"the file system of {path.parent} has no file locks: {os.strerror(number)}" in text
    assert "a store on another file system" in text
    with pytest.raises(StoreError, match="has no file locks"):
        is_locked(path)


def test_other_errors_of_the_operating_system_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_locks(monkeypatch, errno.ENOSPC)
    with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)), wait_lock(tmp_path / "a.lock"):
        pass


def test_a_held_lock_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    assert not is_locked(path)
    with wait_lock(path):
        assert is_locked(path)
    assert not is_locked(path)
