"""What is done of a plan, what is to do and why, and what that needs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from xstilts.api.plan_html import plan_html
from xstilts.api.plan_memory import PlanMemory, plan_memory
from xstilts.api.run_options import DEFAULT, RunOptions
from xstilts.core.errors import StoreError
from xstilts.core.plan import Plan, StageState, StageStatus, counts_of_states
from xstilts.core.stage import Stage
from xstilts.core.store import Store
from xstilts.planning.compile import CompiledPlan
from xstilts.planning.compiled_experiment import CompiledExperiment, merge_plans
from xstilts.planning.cost import calibration
from xstilts.planning.data_sources import DataSource, data_sources
from xstilts.planning.disk import DiskUse, disk_use
from xstilts.planning.encoder_experiments import encoder_experiments
from xstilts.planning.encoder_use import encoder_notes
from xstilts.planning.missing_translations import MissingTranslations, missing_translations
from xstilts.planning.remaining_cost import RemainingCost, encoder_costs
from xstilts.planning.resolve import ResolvedExperiment
from xstilts.planning.retention import droppable_stages


@dataclass(frozen=True, repr=False)
class PlanSummary:
    """What is done, what is to do and why, and what that needs.

    Args:
        statuses: key → state of the stage, in plan order.
        stage_seconds: key → expected seconds in one process, of all stages.
        seconds: expected for what is to do, with `workers` processes.
        disk: expected growth of the store.
        free_bytes: on the store's disk.
        measured: whether `seconds` is calibrated by finished stages of the store.
        operations: floating-point operations of what is to do.
        supplies: the data sources of what is to do.
        missing_translations: files of translations that it reads and that do not exist.
        memory: expected peak memory of stages.
        encoders: encoder → cost of what it alone needs, in one process; empty for a single one.
        encoder_notes: what is read of each encoder, and why.
        power_notes: what the seeds cannot show; none if they find what one would care about.
        workers: processes at a time.
    """

    compiled: CompiledPlan
    statuses: Mapping[str, StageStatus]
    stage_seconds: Mapping[str, float]
    seconds: float
    disk: DiskUse
    free_bytes: int
    measured: bool
    operations: float
    supplies: tuple[DataSource, ...]
    encoders: Mapping[str, RemainingCost]
    memory: PlanMemory
    missing_translations: tuple[MissingTranslations, ...] = ()
    encoder_notes: tuple[str, ...] = ()
    power_notes: tuple[str, ...] = ()
    workers: int = 1

    @cached_property
    def todo(self) -> list[Stage]:
        """Stages that would run, in plan order."""
        return [
            stage
            for stage in self.compiled.plan.stages
            if self.statuses[stage.key].state is StageState.TODO
        ]

    @property
    def state_counts(self) -> str:
        """Numbers of stages by state, see `counts_of_states`."""
        return counts_of_states(Counter(status.state for status in self.statuses.values()))

    def __repr__(self) -> str:
        return f"<PlanSummary: {self.state_counts}>"

    def _repr_html_(self) -> str:
        return plan_html(self)


def plan_summary(
    parts: Sequence[CompiledExperiment],
    store: Store,
    *,
    options: RunOptions = DEFAULT,
    statuses: Mapping[str, StageStatus] | None = None,
    ratios: Mapping[str, float] | None = None,
) -> PlanSummary:
    """The summary of experiments whose stages run as one plan, the main experiment first.

    Args:
        statuses: key → state of each stage; read from the store by default.
        ratios: kind → measured over expected seconds; of this plan's finished stages by default.
    """
    compiled = replace(parts[0].compiled, plan=merge_plans(parts))
    stages = compiled.plan.stages
    statuses = compiled.plan.statuses(store) if statuses is None else statuses
    ratios = calibration(compiled.plan, statuses) if ratios is None else ratios
    seconds = {stage.key: stage.cost.seconds * ratios.get(stage.kind, 1.0) for stage in stages}
    costs = encoder_costs(compiled, statuses, ratios)
    todo = {stage.key: stage for stage in stages if statuses[stage.key].state is StageState.TODO}
    return PlanSummary(
        compiled,
        statuses,
        seconds,
        seconds=sum(seconds[key] for key in todo)
        / (options.worker_count * options.devices_per_stage),
        disk=disk_use(compiled.plan, todo.values(), options.worker_count, seconds),
        free_bytes=store.free_bytes(),
        measured=bool(ratios),
        operations=sum(stage.cost.operations for stage in todo.values()),
        supplies=tuple(_data_sources(parts, todo)),
        missing_translations=missing_translations(todo.values()),
        memory=plan_memory(parts, options) if todo else PlanMemory(),
        encoders=costs if len(costs) > 1 else {},
        encoder_notes=tuple(dict.fromkeys(_encoder_notes(parts))),
        workers=options.worker_count,
    )


def _encoder_notes(parts: Sequence[CompiledExperiment]) -> Iterator[str]:
    for part in parts:
        for single in encoder_experiments(part.loaded):
            yield from encoder_notes(ResolvedExperiment(single))


def _data_sources(
    parts: Sequence[CompiledExperiment], todo: Mapping[str, Stage]
) -> Iterator[DataSource]:
    """The data sources of the stages to do, looked up in the first experiment that has them."""
    left = dict(todo)
    for part in parts:
        own = [left.pop(key) for key in part.compiled.plan.by_key if key in left]
        yield from data_sources(part.loaded, own)


def check_disk_space(summary: PlanSummary, store: Store) -> None:
    """Refuse to start a plan that does not fit on the disk.

    Raises:
        StoreError: less is free than the plan is expected to need at its peak.
    """
    peak = summary.disk.peak
    if peak > summary.free_bytes:
        less = smallest_peak(summary)
        retention = f", set keep_weights: none ({less / 1e9:.1f} GB)" if less < 0.9 * peak else ""
        raise StoreError(
            f"the plan needs about {peak / 1e9:.1f} GB of disk at its peak, and "
            f"{summary.free_bytes / 1e9:.1f} GB are free for {store.root}",
            todo=f"free some space, give another folder with --store{retention}, or run as far as "
            "it goes with --ignore-disk",
        )


def smallest_peak(summary: PlanSummary) -> int:
    """Bytes at the peak if the experiment kept no weights."""
    plan = summary.compiled.plan
    droppable = droppable_stages(summary.compiled, "none")
    plan = Plan(plan.stages, droppable=droppable)
    return disk_use(plan, summary.todo, summary.workers, summary.stage_seconds).peak
