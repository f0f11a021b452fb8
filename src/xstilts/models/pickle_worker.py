"""Convert one pickled weight file to safetensors; run by `pickled_weights` as its own process.

Usage: python -I pickle_worker.py SOURCE TARGET. A script of its own, which imports nothing of
xstilts. Before it opens the file it limits its memory, time, files and processes, and leaves the
network where the system lets it. torch reads the file with `weights_only`, which creates tensors
and plain containers and calls no function that the file names.

The exit code is 3 if the file is refused; the reason is on standard error.
"""

from __future__ import annotations

import ctypes
import os
import pickle
import resource
import sys
from typing import Any

REFUSED = 3
MEMORY = 2 << 30
"""Bytes of further address space, besides four times the file."""
SECONDS = 3600
CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000


def main(source: str, target: str) -> int:
    """Convert the file; return the exit code."""
    import torch
    from safetensors.torch import save_file

    torch.set_num_threads(1)
    restrict(os.path.getsize(source))
    try:
        weights = torch.load(source, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        return refuse(first_line(error))
    except Exception as error:  # whatever a damaged file can cause
        sys.stderr.write(f"the file is damaged or incomplete ({first_line(error)})\n")
        return 1
    if not isinstance(weights, dict) or not weights:
        return refuse(f"it has a {type(weights).__name__}, not a dictionary of tensors")
    for name, value in weights.items():
        if not isinstance(name, str) or not isinstance(value, torch.Tensor):
            return refuse(f"{name!r} is a {type(value).__name__}, not a tensor")
        if value.is_sparse or value.is_quantized:
            return refuse(f"{name!r} is a sparse or quantized tensor")
    save_file(separate(weights), target, {"format": "pt"})
    return 0


def first_line(error: Exception) -> str:
    """Type and first line of an error."""
    return f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"


def restrict(size: int) -> None:
    """Limit this process; what the system does not allow to be limited stays as it is."""
    memory = address_space() + MEMORY + 4 * size
    limits = {
        resource.RLIMIT_AS: memory,
        resource.RLIMIT_CPU: SECONDS,
        resource.RLIMIT_FSIZE: 2 * size + (1 << 24),
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NPROC: 0,
        resource.RLIMIT_NOFILE: 64,
    }
    for kind, limit in limits.items():
        hard = resource.getrlimit(kind)[1]
        most = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        resource.setrlimit(kind, (most, most))
    unshare = getattr(ctypes.CDLL(None), "unshare", None)
    if unshare and unshare(CLONE_NEWNET):
        unshare(CLONE_NEWUSER | CLONE_NEWNET)


def address_space() -> int:
    """Bytes of address space in use, most of it by torch's libraries."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[0]) * resource.getpagesize()
    except OSError:
        return MEMORY


def separate(weights: dict[str, Any]) -> dict[str, Any]:
    """The tensors with storage of their own: safetensors stores no shared ones."""
    seen, result = set[int](), {}
    for name, value in weights.items():
        own = value.contiguous()
        result[name] = own.clone() if own.untyped_storage().data_ptr() in seen else own
        seen.add(own.untyped_storage().data_ptr())
    return result


def refuse(reason: str) -> int:
    """Write the reason; return the exit code."""
    print(reason, file=sys.stderr)
    return REFUSED


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
