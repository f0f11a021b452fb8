"""Which device each worker process computes on: every visible GPU, or the CPU.

The process that hands out stages never imports torch: the import takes seconds, and counting GPUs
through CUDA would hold memory on one of them. GPUs are therefore listed from CUDA_VISIBLE_DEVICES
if it is set, else from the driver's device files, else (WSL has none) from `nvidia-smi -L`. If the
installed torch is built for ROCm, HIP_VISIBLE_DEVICES takes precedence, and AMD GPUs are listed
from ROCR_VISIBLE_DEVICES or the driver's topology.
"""

from __future__ import annotations

import logging
import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from itertools import cycle, islice, takewhile
from pathlib import Path

from xstilts.core.cpu import available_cores
from xstilts.core.errors import ConfigError
from xstilts.core.warn_once import warn_once

logger = logging.getLogger(__name__)

VISIBLE = "CUDA_VISIBLE_DEVICES"
HIP_VISIBLE = "HIP_VISIBLE_DEVICES"
"""HIP's variable, before `VISIBLE`, which HIP also reads; an empty one counts as unset."""
ROCR_VISIBLE = "ROCR_VISIBLE_DEVICES"
"""The variable of the layer below HIP: HIP numbers those GPUs that it lists, from 0."""
NO_HIP_GPU = "-1"
AUTO, CPU, MPS = "auto", "cpu", "mps"
MAX_CPU_WORKERS = 4
"""Workers on a CPU by default, at most; each has an encoder in memory."""
DEVICE_FILES = Path("/dev")
ROCM_NODES = Path("/sys/class/kfd/kfd/topology/nodes")
"""Processors that AMD's driver lists: a GPU has a `gpu_id` other than 0."""
UUID = re.compile(r"(GPU|MIG)-\S+")
GPU_ID = re.compile(rf"\d+|{UUID.pattern}")
OPTION = "--devices"
PER_STAGE = "--devices-per-stage"


@dataclass(frozen=True)
class Device:
    """What one worker computes on.

    Args:
        visible: the worker's CUDA_VISIBLE_DEVICES: the index or UUID of a GPU, or of several
            separated by commas, over which the worker divides its trainings; "" for the CPU; None
            leaves the variable as it is, and the choice to torch.
    """

    visible: str | None = None

    @property
    def is_gpu(self) -> bool:
        """Whether it is a GPU that was listed here."""
        return bool(self.visible)

    @property
    def gpus(self) -> tuple[str, ...]:
        """The index or UUID of each GPU."""
        return tuple(self.visible.split(",")) if self.visible else ()

    def __str__(self) -> str:
        if not self.visible:
            return "CPU"
        return f"GPUs {self.visible}" if len(self.gpus) > 1 else f"GPU {self.visible}"

    def environment(self, environ: Mapping[str, str]) -> dict[str, str]:
        """The environment of a worker on this device."""
        if self.visible is None:
            return dict(environ)
        names = [VISIBLE, *([HIP_VISIBLE] if HIP_VISIBLE in environ else [])]
        visible = self.visible or (NO_HIP_GPU if torch_uses_rocm() else "")
        return {**environ, **dict.fromkeys(names, visible)}


def visible_gpus(environ: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """Ids of the GPUs that this process may use, as CUDA_VISIBLE_DEVICES takes them.

    As in CUDA, the variable's list ends at its first invalid id (`-1`, say). A GPU that is named
    twice counts once.
    """
    environ = os.environ if environ is None else environ
    if torch_uses_rocm():
        return _visible_to_hip(environ)
    if (given := environ.get(VISIBLE)) is not None:
        return _ids(given)
    count = len(list(DEVICE_FILES.glob("nvidia[0-9]*")))  # of 0 … n-1, whatever the files' numbers
    return tuple(map(str, range(count))) or _listed_by_nvidia_smi()


def _visible_to_hip(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Ids of the AMD GPUs that HIP shows to a process."""
    if given := environ.get(HIP_VISIBLE) or environ.get(VISIBLE):
        return _ids(given)
    below = environ.get(ROCR_VISIBLE)
    count = _rocm_gpu_count() if below is None else len(_ids(below))
    return tuple(map(str, range(count)))


def _ids(given: str) -> tuple[str, ...]:
    """The ids in a variable's list, up to the first invalid one."""
    return tuple(dict.fromkeys(takewhile(GPU_ID.fullmatch, map(str.strip, given.split(",")))))


@cache
def torch_uses_rocm() -> bool:
    """Whether the installed torch is built for ROCm, without importing it."""
    spec = find_spec("torch")
    if spec is None or spec.origin is None:
        return False
    version = Path(spec.origin).with_name("version.py")
    return version.is_file() and bool(re.search(r"^hip\b.*= *'", version.read_text(), re.MULTILINE))


def _rocm_gpu_count() -> int:
    """Number of AMD GPUs; those that a container does not grant cannot be read."""
    count = 0
    for path in ROCM_NODES.glob("*/gpu_id"):
        with suppress(OSError):
            count += path.read_text().strip() not in ("", "0")
    return count


def _listed_by_nvidia_smi() -> tuple[str, ...]:
    """UUIDs of the GPUs; none where the program is missing or fails."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return ()
    try:
        listed = subprocess.run([program, "-L"], capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return ()
    return tuple(re.findall(r"^GPU \d+: .*\(UUID: (GPU-[^)]+)\)", listed.stdout, re.MULTILINE))


def choose_devices(
    wanted: str, gpus: Sequence[str], *, any_uuid: bool = False
) -> tuple[Device, ...]:
    """The devices that an option such as `auto`, `cpu` or `0,1` names.

    Args:
        wanted: `auto` (all GPUs, else the CPU), `cpu`, or GPUs separated by commas: positions in
            `gpus`, as torch counts them, or UUIDs.
        gpus: the visible ones, see `visible_gpus`.
        any_uuid: whether a UUID need not be among `gpus`.

    Raises:
        ConfigError: no such GPU, a GPU named twice, or `mps`.
    """
    if wanted == AUTO:
        return tuple(map(Device, gpus)) or (Device(),)
    if wanted == CPU:
        return (Device(""),)
    if wanted == MPS:
        raise ConfigError(
            "Apple GPUs (MPS) are not supported", where=OPTION, todo=f"use {OPTION} {CPU}"
        )
    chosen = tuple(_gpu(name.strip(), gpus, any_uuid) for name in wanted.split(","))
    if len(set(chosen)) < len(chosen):
        raise ConfigError(
            f"{wanted!r} names a GPU twice", where=OPTION, todo="share GPUs with --workers"
        )
    return chosen


def _gpu(name: str, gpus: Sequence[str], any_uuid: bool) -> Device:
    if name.isdecimal() and int(name) < len(gpus):
        return Device(gpus[int(name)])
    if UUID.fullmatch(name) and (any_uuid or name in gpus):
        return Device(name)
    known = ", ".join(f"{number} ({gpu})" for number, gpu in enumerate(gpus)) or "none"
    raise ConfigError(
        f"no GPU {name!r}", where=OPTION, todo=f"visible: {known}; else {AUTO} or {CPU}"
    )


def assign_devices(
    devices: Sequence[Device], workers: int | None, cores: int
) -> tuple[Device, ...]:
    """The device of each worker.

    By default one worker for each GPU, or for each core (at most 4) of a CPU. More workers than
    GPUs share them in turn; the user must ask for that, as they share the memory too.
    """
    on_gpus = any(device.is_gpu for device in devices)
    count = workers or (len(devices) if on_gpus else min(MAX_CPU_WORKERS, cores))
    return tuple(islice(cycle(devices), count))


def group_devices(
    devices: Sequence[Device], per_stage: int, cores: int
) -> tuple[tuple[Device, ...], int]:
    """Groups of devices for workers, and the number of GPUs that are left over.

    A CPU stays one device, on which a worker starts a process for each of `per_stage` cores.

    Raises:
        ConfigError: fewer than one device per stage, or more than there are.
    """
    gpus = [gpu for device in devices for gpu in device.gpus]
    if per_stage < 1:
        raise ConfigError(f"{per_stage} devices per stage", where=PER_STAGE, todo="give 1 or more")
    if per_stage == 1:
        return tuple(devices), 0
    if per_stage > (len(gpus) or cores):
        has = f"{len(gpus)} GPUs were chosen" if gpus else f"there are no GPUs, and {cores} cores"
        raise ConfigError(
            f"{per_stage} devices per stage, but {has}",
            where=PER_STAGE,
            todo=f"give at most {len(gpus) or cores}",
        )
    if not gpus:
        return tuple(devices), 0
    starts = range(0, len(gpus) - per_stage + 1, per_stage)
    groups = tuple(Device(",".join(gpus[start : start + per_stage])) for start in starts)
    return groups, len(gpus) % per_stage


def worker_devices(
    wanted: str = AUTO, workers: int | None = None, per_stage: int = 1
) -> tuple[Device, ...]:
    """The device of each worker on this machine, or the group of devices of each.

    Args:
        per_stage: number of devices in a group.

    Raises:
        ConfigError: see `choose_devices` and `group_devices`.
    """
    limited = any(name in os.environ for name in (VISIBLE, HIP_VISIBLE, ROCR_VISIBLE))
    devices = choose_devices(wanted, visible_gpus(), any_uuid=not limited)
    cores = available_cores()
    groups, left = group_devices(devices, per_stage, cores)
    if left:
        warn_once(logger, f"{left} of {len(devices)} GPUs are idle: {PER_STAGE} is {per_stage}")
    return assign_devices(groups, workers, max(1, cores // per_stage))


def rank_environment(environ: Mapping[str, str], rank: int, size: int) -> dict[str, str]:
    """The environment of one of the processes that divide a training: it sees one GPU at most.

    Args:
        environ: of the worker, which sees the GPUs of all its processes.
        rank: number of the process, from 0.
        size: number of processes.

    Raises:
        ConfigError: the worker sees fewer GPUs than it has processes.
    """
    own = dict(environ)
    for name in (VISIBLE, HIP_VISIBLE):
        gpus = _ids(environ.get(name, ""))
        if not gpus:
            continue
        if len(gpus) < size:
            raise ConfigError(
                f"{size} devices per stage, but the worker sees {len(gpus)} GPUs",
                where=PER_STAGE,
                todo=f"give each worker {size} GPUs",
            )
        own[name] = gpus[rank]
    return own
