"""Expected peak memory of what a plan runs, against the memory of this machine's devices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from xstilts.api.run_options import RunOptions
from xstilts.core.cpu import available_cores
from xstilts.core.devices import Device, worker_devices
from xstilts.core.machine_memory import gpu_memory, total_memory
from xstilts.core.stage import Stage
from xstilts.executors.base import LOCAL
from xstilts.planning.compiled_experiment import CompiledExperiment
from xstilts.planning.memory import Hardware
from xstilts.planning.stage_memory import least_training_memory, peak_memory

THIS_MACHINE = "this machine"


@dataclass(frozen=True)
class PlanMemory:
    """Expected peak memory of stages.

    Args:
        by_key: key → bytes of a worker (of its GPU, if it has one).
        device: what the workers share: the smallest GPU, or this machine.
        workers: how many share it.
        limit: its bytes; None if unknown.
        least_gpu: of executors with their own machines: key → bytes without which a GPU cannot run
            a training, even if it computes one text at a time.
    """

    by_key: Mapping[str, int] = field(default_factory=dict)
    device: str = THIS_MACHINE
    workers: int = 1
    limit: int | None = None
    least_gpu: Mapping[str, int] = field(default_factory=dict)

    def peaks(self, stages: Sequence[Stage]) -> dict[str, Stage]:
        """Kind → the stage that needs the most memory."""
        peaks: dict[str, Stage] = {}
        for stage in stages:
            if stage.key in self.by_key:
                best = peaks.setdefault(stage.kind, stage)
                if self.by_key[stage.key] > self.by_key[best.key]:
                    peaks[stage.kind] = stage
        return peaks

    def excess(self, stages: Sequence[Stage]) -> tuple[Stage, int] | None:
        """The largest stage and the workers that fit, if not all workers do with such stages."""
        largest = max(
            self.peaks(stages).values(), key=lambda one: self.by_key[one.key], default=None
        )
        if largest is None or self.limit is None:
            return None
        together = min(self.workers, sum(stage.key in self.by_key for stage in stages))
        fitting = self.limit // self.by_key[largest.key]
        return (largest, fitting) if fitting < together else None


def plan_memory(parts: Sequence[CompiledExperiment], options: RunOptions) -> PlanMemory:
    """The expected memory of experiments, on this machine or on a core or GPU of a cluster."""
    if options.executor != LOCAL:
        return _on_cluster(parts)
    devices = worker_devices(options.devices, options.workers, options.devices_per_stage)
    gpus = [Device(gpu) for device in devices for gpu in device.gpus]
    processes = len(devices) * options.devices_per_stage
    hardware = Hardware(bool(gpus), max(1, available_cores() // len(devices)))
    by_key: dict[str, int] = {}
    for part in parts:
        by_key |= peak_memory(part, hardware)
    if not gpus:
        return PlanMemory(by_key, THIS_MACHINE, processes, total_memory())
    return _on_gpus(by_key, gpus)


def _on_cluster(parts: Sequence[CompiledExperiment]) -> PlanMemory:
    by_key: dict[str, int] = {}
    least: dict[str, int] = {}
    for part in parts:
        by_key |= peak_memory(part, Hardware())
        least |= least_training_memory(part, Hardware(gpu=True))
    return PlanMemory(by_key, "a node", least_gpu=least)


def _on_gpus(by_key: Mapping[str, int], gpus: Sequence[Device]) -> PlanMemory:
    sizes = {gpu: gpu_memory(str(gpu.visible)) for gpu in dict.fromkeys(gpus)}
    known = {gpu: size for gpu, size in sizes.items() if size}
    smallest = min(known, key=lambda gpu: known[gpu], default=gpus[0])
    workers = max(gpus.count(gpu) for gpu in sizes)
    return PlanMemory(by_key, str(smallest), workers, known.get(smallest))
