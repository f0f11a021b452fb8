"""A run of the real scheduler over simulated workers, and the least time that any order takes."""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from xstilts.core.plan import Plan
from xstilts.core.stage import Cost, Stage
from xstilts.core.store import Store
from xstilts.executors.base import ExecutorOptions
from xstilts.executors.events import ignore_events
from xstilts.executors.run_loop import run_plan
from xstilts.planning.cost import OPERATIONS_PER_SECOND, TFLOPS
from xstilts.testing.simulated_pool import SimulatedPool

Seconds = Callable[[Stage], float]


@dataclass(frozen=True)
class Simulated:
    """A simulated run.

    Args:
        makespan: virtual seconds from its start to its end.
        total, critical: virtual seconds of all stages, and of the longest chain of them.
        real: seconds that the scheduler, the loop and the journal took.
        loads: how often a worker got a stage of another affinity than its last one.
    """

    workers: int
    stages: int
    makespan: float
    total: float
    critical: float
    real: float
    loads: int

    @property
    def bound(self) -> float:
        """Seconds that no order of the stages is faster than."""
        return max(self.critical, self.total / self.workers)

    @property
    def utilisation(self) -> float:
        """Share of the workers' time in which they had a stage."""
        return self.total / (self.workers * self.makespan)


def gpu_seconds(stage: Stage) -> float:
    """Assumed seconds of a stage on a GPU: operations / TFLOPS, or those of a stage without any.

    The fixed seconds of a stage with operations (starting, loading) count as they are in its cost.
    """
    if not stage.cost.operations:
        return stage.cost.seconds
    fixed = stage.cost.seconds - stage.cost.operations / OPERATIONS_PER_SECOND
    return fixed + stage.cost.operations / (TFLOPS * 1e12)


def simulate(plan: Plan, workers: int, seconds: Seconds) -> Simulated:
    """Run a plan in an empty store with simulated workers."""
    pool = SimulatedPool(workers, seconds)
    with tempfile.TemporaryDirectory() as folder:
        store, options = Store(Path(folder) / "store").prepare(), ExecutorOptions(check_disk=False)
        started = time.process_time()
        result = run_plan(store, plan, pool, options, ignore_events)
        real = time.process_time() - started
    if len(result.done) != len(plan.stages):
        raise AssertionError(f"{len(result.done)} of {len(plan.stages)} stages were run")
    total = sum(map(seconds, plan.stages))
    count, critical = len(plan.stages), max(longest_chains(plan, seconds).values())
    return Simulated(workers, count, pool.now, total, critical, real, pool.loads)


def longest_chains(plan: Plan, seconds: Seconds) -> Mapping[str, float]:
    """Key → seconds of the longest chain of stages that ends with this one."""
    ends: dict[str, float] = {}
    for stage in plan.stages:
        before = max((ends[key] for key in stage.inputs.values()), default=0.0)
        ends[stage.key] = before + seconds(stage)
    return ends


def random_plan(size: int, seed: int = 0) -> Plan:
    """A random plan: up to three inputs of each stage among the 1,000 before it."""
    source, stages = random.Random(seed), list[Stage]()
    for number in range(size):
        recent = stages[-1000:]
        used = source.sample(recent, min(len(recent), source.choice((0, 1, 1, 2, 3))))
        inputs = {f"input {index}": stage.key for index, stage in enumerate(used)}
        affinity = used[0].key if used else ""
        cost = Cost(seconds=source.lognormvariate(3, 1))
        stages.append(Stage("toy", 1, {"n": number}, inputs, f"toy {number}", cost, affinity))
    return Plan.of(stages)
