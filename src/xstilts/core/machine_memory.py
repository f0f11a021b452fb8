"""Memory of this machine and of its GPUs, and processes that the kernel killed for lack of it.

Read without importing torch.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from xstilts.core.devices import torch_uses_rocm

CGROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")
"""A container's memory limit (cgroup v2): bytes, or `max`."""
CGROUPS = Path("/sys/fs/cgroup")
OWN_CGROUP = Path("/proc/self/cgroup")
VMSTAT = Path("/proc/vmstat")
QUERY = (
    "--query-gpu=index,uuid,memory.total,mig.mode.current",
    "--format=csv,noheader,nounits",
)
ORDER, BY_BUS = "CUDA_DEVICE_ORDER", "PCI_BUS_ID"
"""CUDA numbers GPUs as nvidia-smi does with this setting only; by default the fastest is 0."""


def total_memory() -> int | None:
    """Bytes of memory of this machine or container; None if unknown."""
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):  # not on Windows
        return None
    with suppress(OSError, ValueError):  # no such file, or `max`
        total = min(total, int(CGROUP_LIMIT.read_text(encoding="ascii")))
    return total


def gpu_memory(gpu: str) -> int | None:
    """Bytes of memory of an NVIDIA GPU, given its index in CUDA or its UUID; None if unknown.

    A UUID may be shortened, as in CUDA. Unknown are MIG devices, whose memory is a part of their
    GPU's, and indices among GPUs of several sizes whose order is not nvidia-smi's.
    """
    listed = [] if torch_uses_rocm() else _listed_gpus()
    if not gpu.isdecimal():
        named = [size for _, uuid, size in listed if uuid.startswith(gpu)]
        return named[0] if len(named) == 1 else None
    sizes = {size for _, _, size in listed}
    if os.environ.get(ORDER) != BY_BUS and len(sizes) > 1:
        return None
    return next((size for index, _, size in listed if index == gpu), None)


def _listed_gpus() -> list[tuple[str, str, int | None]]:
    """Index, UUID and bytes of each GPU that nvidia-smi lists; the bytes are None if unknown."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return []
    try:
        listed = subprocess.run([program, *QUERY], capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return []
    gpus = list[tuple[str, str, int | None]]()
    for line in listed.stdout.splitlines():
        index, uuid, size, mig = ([part.strip() for part in line.split(",")] + [""] * 4)[:4]
        is_known = size.isdecimal() and mig != "Enabled"
        gpus.append((index, uuid, int(size) << 20 if is_known else None))
    return gpus


def oom_kills() -> int | None:
    """How many processes the kernel has killed for lack of memory; None if unknown.

    Of this process's cgroup if that is known, else of the whole machine.
    """
    for path in (*_cgroup_events(), VMSTAT):
        with suppress(OSError, ValueError):
            for line in path.read_text(encoding="ascii").splitlines():
                name, _, count = line.partition(" ")
                if name == "oom_kill":
                    return int(count)
    return None


def _cgroup_events() -> Iterator[Path]:
    """The file that counts what was killed in this process's cgroup (version 2)."""
    with suppress(OSError, ValueError):
        for line in OWN_CGROUP.read_text(encoding="utf-8").splitlines():
            number, _, rest = line.partition(":")
            controllers, _, path = rest.partition(":")
            if (number, controllers) == ("0", ""):
                yield CGROUPS / path.lstrip("/") / "memory.events"
