"""A digest of the installed code, for tables that are saved and must not outlive it."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any


@cache
def code_digest() -> str:
    """SHA-256 of the source files of this package, computed once per process."""
    root, sha = Path(__file__).parents[1], hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        sha.update(path.relative_to(root).as_posix().encode())
        sha.update(hashlib.sha256(path.read_bytes()).digest())
    return sha.hexdigest()


def added_code_digest(function: Callable[..., Any]) -> str:
    """SHA-256 of the source file of a function of another package; empty for this package's."""
    name = getattr(function, "__module__", None) or ""
    path = getattr(sys.modules.get(name), "__file__", None)
    if name.partition(".")[0] == __name__.partition(".")[0] or path is None:
        return ""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()
