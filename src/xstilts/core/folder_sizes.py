"""Bytes of the files of folders, each file with several hard links counted once."""

from __future__ import annotations

import os
from pathlib import Path


class FolderSizes:
    """Sizes of folders that are measured one after another.

    A file that several folders share by hard links counts for the first of them.
    """

    def __init__(self) -> None:
        self._linked: set[tuple[int, int]] = set()

    def measure(self, path: Path) -> int:
        """Bytes below a path; symbolic links are not followed, and count nothing.

        Raises:
            OSError: a folder cannot be read.
        """
        if path.is_symlink():
            return 0
        try:
            if path.is_dir():
                return self._folder(str(path))
            return self._file(path.stat())
        except FileNotFoundError:  # removed by another process just now
            return 0

    def _folder(self, path: str) -> int:
        count = 0
        with os.scandir(path) as entries:
            for entry in entries:
                try:
                    if entry.is_dir(follow_symlinks=False):
                        count += self._folder(entry.path)
                    elif entry.is_file(follow_symlinks=False):
                        count += self._file(entry.stat(follow_symlinks=False))
                except FileNotFoundError:
                    continue
        return count

    def _file(self, status: os.stat_result) -> int:
        if status.st_nlink > 1:
            identity = status.st_dev, status.st_ino
            if identity in self._linked:
                return 0
            self._linked.add(identity)
        return status.st_size
