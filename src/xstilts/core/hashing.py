"""Identity: what a stage is, as a digest of everything that changes its result."""

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
    """SHA-256 (64 hex digits) of a file's bytes, read in pieces."""
    sha = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(CHUNK):
            sha.update(piece)
    return sha.hexdigest()


def digest_of_unchanged(path: Path) -> str:
    """A file's digest, computed once per process while its size and time stay."""
    facts = path.stat()
    return _remembered(path, facts.st_size, facts.st_mtime_ns)


@cache
def _remembered(path: Path, _size: int, _changed: int) -> str:
    return digest_of_file(path)


def seed_of(*parts: Any) -> int:
    """A 63-bit seed that depends on all parts and on nothing else (not on PYTHONHASHSEED)."""
    return int(digest_of([str(part) for part in parts])[:16], 16) >> 1
