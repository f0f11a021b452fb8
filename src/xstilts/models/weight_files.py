"""Safetensors files of a model, checked without torch: Git LFS pointers and truncated files."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

from xstilts.core.errors import EncoderError

LFS_POINTER = b"version https://git-lfs"
LENGTH_BYTES = 8
"""Size of the header's length at the start of a safetensors file."""
MAX_HEADER = 100_000_000
"""Largest header that the safetensors library reads, in bytes."""
FLOATS = ("F64", "F32", "F16", "BF16")
COPY_AGAIN = "copy or download the encoder's folder again"


def check_file(path: Path) -> None:
    """Check that a file is no Git LFS pointer and, if it has weights, that it is complete.

    Raises:
        EncoderError: it is a pointer, the tensors of its header are not all there, or they are
            quantized.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        start = file.read(len(LFS_POINTER))
    if start == LFS_POINTER:
        raise EncoderError(
            f"{path.name} is a pointer of Git LFS, not the file itself",
            where=str(path.parent),
            todo="run `git lfs pull` in the folder, or download the model from the hub again",
        )
    if path.suffix == ".safetensors":
        _check_length(path)


def tensor_names(path: Path) -> set[str]:
    """The names of the tensors in a safetensors file.

    Raises:
        EncoderError: its header is damaged.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        length = _header_length(path, file.read(LENGTH_BYTES))
        return _header(path, file.read(length)).keys() - {"__metadata__"}


def _header_length(path: Path, start: bytes) -> int:
    length = struct.unpack("<Q", start)[0] if len(start) == LENGTH_BYTES else 0
    if not 2 <= length <= min(MAX_HEADER, path.stat().st_size - LENGTH_BYTES):
        raise _damaged(path, "has no complete safetensors header")
    return int(length)


def _check_length(path: Path) -> None:
    """Check a file's size against the end of the last tensor in its header."""
    size = path.stat().st_size
    with path.open("rb") as file:
        length = _header_length(path, file.read(LENGTH_BYTES))
        header = _header(path, file.read(length))
    try:
        ends = [
            int(tensor["data_offsets"][1])
            for name, tensor in header.items()
            if name != "__metadata__"
        ]
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise _damaged(path, "has an invalid safetensors header") from error
    _check_types(path, header)
    expected = LENGTH_BYTES + length + max(ends, default=0)
    if size != expected:
        raise _damaged(path, f"has {size:,} bytes, and its header names {expected:,}")


def _check_types(path: Path, header: dict[str, Any]) -> None:
    """Check that weights are not quantized: their scale would be ignored."""
    for name, tensor in header.items():
        kind = tensor.get("dtype")
        if name.endswith(".weight") and kind not in FLOATS:
            raise EncoderError(
                f"{path.name} has quantized weights: {name} has the type {kind}",
                where=str(path.parent),
                todo="use the encoder's weights in float32, bfloat16 or float16",
            )


def _header(path: Path, text: bytes) -> dict[str, Any]:
    try:
        header = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _damaged(path, "has an invalid safetensors header") from error
    if not isinstance(header, dict):
        raise _damaged(path, "has an invalid safetensors header")
    return header


def _damaged(path: Path, problem: str) -> EncoderError:
    return EncoderError(f"{path.name} {problem}", where=str(path.parent), todo=COPY_AGAIN)
