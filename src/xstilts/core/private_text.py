"""Texts without the folders of the machine that they were written on."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

PATH = re.compile(r"(?<![\w.:/\\~}])(?:~|[A-Za-z]:)?(?:[/\\][^\s/\\'\",;:()<>\[\]{}|]+){2,}")
"""An absolute path with two or more parts in a text; not a URL, nor what follows `{data}`."""


def absolute_paths(value: Any) -> set[str]:
    """All texts in a JSON value that are an absolute path, and nothing else."""
    if isinstance(value, Mapping):
        return set[str]().union(*map(absolute_paths, value.values()))
    if isinstance(value, list | tuple):
        return set[str]().union(*map(absolute_paths, value))
    return {value} if isinstance(value, str) and is_path(value) else set()


def is_path(text: str) -> bool:
    """Whether a text is an absolute path, and nothing else."""
    is_absolute = text.startswith(("/", "~/")) or PureWindowsPath(text).is_absolute()
    return is_absolute and "\n" not in text


def without_paths(value: Any, known: Collection[str] = ()) -> Any:
    """A JSON value whose absolute paths are replaced by the names of their files.

    Args:
        known: paths that are replaced wherever they occur, also with spaces in them.
    """
    if isinstance(value, Mapping):
        return {name: without_paths(part, known) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [without_paths(part, known) for part in value]
    return _clean(value, known) if isinstance(value, str) else value


def _clean(text: str, known: Collection[str]) -> str:
    if is_path(text):
        return _name(text)
    for path in sorted(known, key=len, reverse=True):
        text = text.replace(path, _name(path))
    return PATH.sub(lambda match: _name(match[0]), text)


def _name(path: str) -> str:
    return PurePosixPath(path.replace("\\", "/")).name or "folder"
