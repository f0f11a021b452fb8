"""The local executor: worker processes on this machine, one per GPU, each running many stages."""

from __future__ import annotations

from xstilts.core.cpu import available_cores
from xstilts.core.devices import worker_devices
from xstilts.core.plan import Plan
from xstilts.core.store import Store
from xstilts.executors.base import ExecutorOptions, RunResult, refuse_cluster_options
from xstilts.executors.events import Listener
from xstilts.executors.failures import SubmissionFailures
from xstilts.executors.pool import WorkerPool
from xstilts.executors.run_loop import run_plan
from xstilts.stages import STAGE_KINDS


class LocalExecutor:
    """Runs stages in worker processes, each on a device of its own.

    Args:
        options: workers, devices and isolation; see `core.devices.worker_devices`.
        cores: that the busy workers share evenly; all available ones by default.
        shared: failures of all processes that run this submission, if there are several.

    Raises:
        ConfigError: `options.devices` names a device that this machine does not have.
    """

    def __init__(
        self,
        store: Store,
        options: ExecutorOptions = ExecutorOptions(),  # noqa: B008 - frozen
        *,
        cores: int | None = None,
        shared: SubmissionFailures | None = None,
    ) -> None:
        refuse_cluster_options("local", address=options.address, batch=options.batch)
        self.store, self.options, self.shared = store, options, shared
        self.devices = worker_devices(options.devices, options.workers, options.devices_per_stage)
        self.cores = cores or available_cores()

    def run(self, plan: Plan, on_event: Listener) -> RunResult:
        """Run every stage that is not done; see `run_loop.run_plan`."""
        pool = WorkerPool(
            self.store.root,
            self.devices,
            self.cores,
            self.options.memory,
            self.options.devices_per_stage,
            self.shared.host if self.shared else "",
            self.options.least_gpu_memory,
            forked=self._needs_torch(plan),
        )
        return run_plan(self.store, plan, pool, self.options, on_event, self.shared)

    def _needs_torch(self, plan: Plan) -> bool:
        """Whether a stage that is not done uses torch, of the kinds that are known here."""
        known = {stage.kind for stage in plan.stages if stage.kind in STAGE_KINDS}
        kinds = {kind for kind in known if STAGE_KINDS.get(kind).uses_torch}
        return any(stage.kind in kinds and not self.store.has(stage.key) for stage in plan.stages)
