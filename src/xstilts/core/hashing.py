"""Digests of JSON values and files, and seeds derived from them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from pydantic_core import to_json

CHUNK = 1 << 20
DIGEST = "self"
"""Name of a JSON object's digest in the object itself."""
WITH_NAN = json.JSONEncoder(sort_keys=True, separators=(",", ":"))
CANONICAL = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
)


def canonical(value: Any) -> str:
    """JSON with sorted keys and no spaces; refuses NaN and everything JSON cannot hold."""
    return CANONICAL.encode(value)


def digest_of(value: Any) -> str:
    """SHA-256 (64 hex digits) of a JSON value's canonical form."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()


def with_digest(value: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON object as it will be read again, with a digest of itself under `self`.

    It may contain NaN, unlike what keys are made of.
    """
    written: dict[str, Any] = json.loads(json.dumps(value))
    return {**written, DIGEST: digest_of_object(written)}


def digest_of_object(value: Mapping[str, Any]) -> str:
    """The digest that `with_digest` would write into a JSON object."""
    return hashlib.sha256(WITH_NAN.encode(value).encode()).hexdigest()


def without_digest(value: dict[str, Any]) -> dict[str, Any]:
    """The JSON object without its digest, if it has one: earlier versions did not write it.

    Raises:
        ValueError: the digest is that of another object.
    """
    rest = {name: part for name, part in value.items() if name != DIGEST}
    if DIGEST in value and not _has_digest(rest, value[DIGEST]):
        raise ValueError("it differs from what was written")
    return rest


def _has_digest(value: Mapping[str, Any], digest: object) -> bool:
    """Whether a JSON object has a digest.

    First its names are taken to be sorted, as they are in files, and its texts to be ASCII. That
    takes a third of the time, and a text with this digest is the one that was written.
    """
    with suppress(ValueError):
        if hashlib.sha256(to_json(value, inf_nan_mode="constants")).hexdigest() == digest:
            return True
    return digest_of_object(value) == digest


def digest_of_file(path: Path) -> str:
    """SHA-256 (64 hex digits) of a file's bytes."""
    sha = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            sha.update(chunk)
    return sha.hexdigest()


def digest_of_unchanged(path: Path) -> str:
    """A file's digest, computed once per process unless its size, times or inode change.

    The time of the last change of the inode is compared as well: copying tools restore the time
    of the last write.
    """
    status = path.stat()
    state = status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino
    return _cached_digest(path, state)


@cache
def _cached_digest(path: Path, _state: tuple[int, ...]) -> str:
    return digest_of_file(path)


def seed_of(*parts: Any) -> int:
    """A 63-bit seed that depends only on the parts (not on PYTHONHASHSEED)."""
    return int(digest_of([str(part) for part in parts])[:16], 16) >> 1
