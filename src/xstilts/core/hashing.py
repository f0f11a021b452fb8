"""Digests of JSON values and files, and seeds derived from them."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

CHUNK = 1 << 20
CANONICAL = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
)


def canonical(value: Any) -> str:
    """JSON with sorted keys and no spaces; refuses NaN and everything JSON cannot hold."""
    return CANONICAL.encode(value)


def digest_of(value: Any) -> str:
    """SHA-256 (64 hex digits) of a JSON value's canonical form."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()


def digest_of_file(path: Path) -> str:
    """SHA-256 (64 hex digits) of a file's bytes."""
    sha = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            sha.update(chunk)
    return sha.hexdigest()


def digest_of_unchanged(path: Path) -> str:
    """A file's digest, computed once per process unless its size or time changes."""
    status = path.stat()
    return _cached_digest(path, status.st_size, status.st_mtime_ns)


@cache
def _cached_digest(path: Path, _size: int, _modified: int) -> str:
    return digest_of_file(path)


def seed_of(*parts: Any) -> int:
    """A 63-bit seed that depends only on the parts (not on PYTHONHASHSEED)."""
    return int(digest_of([str(part) for part in parts])[:16], 16) >> 1
