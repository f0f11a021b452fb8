"""What an executor is: it runs the stages of a plan and reports events."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from xstilts.core.devices import AUTO
from xstilts.core.errors import ConfigError
from xstilts.core.plan import Plan
from xstilts.core.stopping import GRACE
from xstilts.core.store import Store
from xstilts.executors.events import Listener

LOCAL = "local"
NOTHING_STARTED, SOME_FAILED = 2, 3
"""Exit codes: bad input kept everything from running; some stages failed, and others ran."""


@dataclass
class RunResult:
    """How a run ended.

    Args:
        done: keys of the stages that were run.
        failed: key → what went wrong.
        skipped: key → why the stage was not run.
        exit_code: 0, or that of the worst failure (docs/guide/stopping.md); 2 only if no stage ran.
        freed: bytes of files that were dropped; see `keep_weights`.
    """

    done: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    exit_code: int = 0
    freed: int = 0

    def with_final_code(self) -> RunResult:
        """The result of a run that has ended: bad input of one stage is not that of all."""
        if self.done and self.exit_code == NOTHING_STARTED:
            return replace(self, exit_code=SOME_FAILED)
        return self


@dataclass(frozen=True)
class BatchOptions:
    """What a batch system is asked for, per worker; empty: its own default."""

    partition: str = ""
    gpus: int | None = None
    time: str = ""


NO_BATCH = BatchOptions()


@dataclass(frozen=True)
class ExecutorOptions:
    """Options of an executor. No key depends on them.

    Args:
        workers: processes at a time; None leaves the number to the executor.
        devices: `auto`, `cpu`, or GPUs separated by commas; see `core.devices.choose_devices`.
        isolate: a fresh process for every stage.
        memory: key → expected bytes of a stage at its peak, for messages.
        least_gpu_memory: key → bytes without which a GPU of a cluster cannot run a stage.
        address: of a cluster; empty for executors without one.
        batch: for executors that submit jobs to a batch system.
        check_disk: whether a stage starts only if the disk has the space that it may need.
        grace: seconds that an interrupted run waits for its trainings to save checkpoints.
        devices_per_stage: over how many devices of one machine a training is divided.
    """

    workers: int | None = None
    devices: str = AUTO
    isolate: bool = False
    memory: Mapping[str, int] = field(default_factory=dict)
    least_gpu_memory: Mapping[str, int] = field(default_factory=dict)
    address: str = ""
    batch: BatchOptions = NO_BATCH
    check_disk: bool = True
    grace: float = GRACE
    devices_per_stage: int = 1


class Executor(Protocol):
    """Runs plans in one store."""

    def run(self, plan: Plan, on_event: Listener) -> RunResult:
        """Run every stage that is not done; a failed stage stops only those that need it.

        It may be interrupted at any time by an exception and called again.

        Raises:
            StoreError: the store cannot be written.
        """
        ...


ExecutorFactory = Callable[[Store, ExecutorOptions], Executor]
"""Makes the executor of a run.

Raises:
    ConfigError: the options do not fit this machine.
"""


def refuse_cluster_options(
    executor: str, *, address: str = "", batch: BatchOptions = NO_BATCH
) -> None:
    """Check that options which an executor cannot honour were not given.

    Raises:
        ConfigError: one of them was.
    """
    given = {"--address": address, "--partition": batch.partition, "--time": batch.time}
    given["--gpus"] = "" if batch.gpus is None else str(batch.gpus)
    for option, value in given.items():
        if value:
            raise ConfigError(
                f"the executor {executor} has no {option}",
                where=option,
                todo="leave it out, or choose another --executor: local, ray or slurm",
            )
