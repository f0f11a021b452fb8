"""How a plan is run: executor, workers, devices and trackers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypedDict

from xstilts.core.devices import AUTO, worker_devices
from xstilts.core.process_rank import timeout_seconds
from xstilts.core.store import Store
from xstilts.executors import EXECUTORS
from xstilts.executors.base import LOCAL, NO_BATCH, BatchOptions, Executor, ExecutorOptions
from xstilts.trackers.base import Tracker


class RunKeywords(TypedDict, total=False):
    """The fields of `RunOptions` as keywords of verbs."""

    workers: int | None
    devices: str
    isolate: bool
    executor: str
    trackers: Sequence[str | Tracker]
    address: str
    batch: BatchOptions
    devices_per_stage: int
    check_disk: bool


@dataclass(frozen=True)
class RunOptions:
    """How a plan is run. No key depends on it.

    Args:
        workers: processes at a time; by default one per GPU, or per core of a CPU (at most 4).
        devices: `auto` (all GPUs, else the CPU), `cpu`, or GPUs such as `0,1`.
        isolate: a fresh process for every stage.
        executor: its name in EXECUTORS.
        trackers: names in TRACKERS, or trackers; each gets every event.
        address: of the cluster, for executors that run on one.
        batch: for executors that submit jobs to a batch system.
        check_disk: whether a stage starts only if the disk has the space that it may need.
        devices_per_stage: over how many devices of one machine a training is divided.
    """

    workers: int | None = None
    devices: str = AUTO
    isolate: bool = False
    executor: str = LOCAL
    trackers: Sequence[str | Tracker] = ()
    address: str = ""
    batch: BatchOptions = NO_BATCH
    devices_per_stage: int = 1
    check_disk: bool = True

    @property
    def worker_count(self) -> int:
        """How many stages run at the same time, as far as this process can tell.

        Other executors than the local one have their own machines, whose devices are not listed
        here.

        Raises:
            ConfigError: no such device.
        """
        self._check_timeout()
        if self.executor != LOCAL:
            return self.workers or 1
        return len(worker_devices(self.devices, self.workers, self.devices_per_stage))

    def executor_in(
        self,
        store: Store,
        memory: Mapping[str, int],
        least_gpu_memory: Mapping[str, int] = MappingProxyType({}),
    ) -> Executor:
        """The executor for a store.

        Args:
            memory: key → expected bytes of a stage at its peak.
            least_gpu_memory: key → bytes without which a GPU of a cluster cannot run a stage.

        Raises:
            ConfigError: no such executor or device.
        """
        self._check_timeout()
        options = ExecutorOptions(
            self.workers,
            self.devices,
            self.isolate,
            memory,
            least_gpu_memory,
            self.address,
            self.batch,
            devices_per_stage=self.devices_per_stage,
            check_disk=self.check_disk,
        )
        return EXECUTORS.get(self.executor, where="--executor")(store, options)

    def _check_timeout(self) -> None:
        """Check the time limit of the processes that divide a training, if there are any."""
        if self.devices_per_stage > 1:
            timeout_seconds()


DEFAULT = RunOptions()
