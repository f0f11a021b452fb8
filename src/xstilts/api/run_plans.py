"""Running the stages of experiments as one plan."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from xstilts.analysis.run_records import save_record
from xstilts.api.plan_memory import PlanMemory, plan_memory
from xstilts.api.rebuild import rebuild_damaged
from xstilts.api.run_options import DEFAULT, RunOptions
from xstilts.core.plan import Plan, StageState, StageStatus
from xstilts.core.store import Store, store_errors
from xstilts.core.store_snapshot import StoreSnapshot
from xstilts.executors.base import RunResult
from xstilts.executors.events import Event, Listener, ignore_events
from xstilts.executors.retention import Retention
from xstilts.planning.adapters import check_packages
from xstilts.planning.compiled_experiment import CompiledExperiment, merge_plans
from xstilts.planning.encoder_limits import check_lengths
from xstilts.planning.missing_translations import check_translations
from xstilts.planning.resolve import ResolvedExperiment
from xstilts.planning.study_stages import save_study_stages
from xstilts.planning.validate import check_folder
from xstilts.trackers.base import RunInfo
from xstilts.trackers.fan_out import tracked

TRACKING = "tracking"
"""The store's folder for the files of trackers, a folder per experiment."""


def run_plans(
    parts: Sequence[CompiledExperiment],
    store: Store,
    options: RunOptions = DEFAULT,
    on_event: Listener = ignore_events,
    *,
    statuses: Mapping[str, StageStatus] | None = None,
    snapshot: StoreSnapshot | None = None,
    recorded: bool = True,
    study: str = "",
) -> RunResult:
    """Run what is missing of experiments as one plan, and what their results need and is damaged.

    Args:
        statuses: key → state of each stage, if known; without a stage to do no executor starts.
        snapshot: the store as the states were read from it.
        recorded: whether the store keeps a record of the first experiment.
        study: that the plan is for; the store keeps a list of its stages.

    Raises:
        ConfigError: no such executor, tracker or device, or no folder for tasks that are read
            from the user's files; a `max_length` above the encoder's positions; a tracker that
            cannot log in.
        MissingDataError: no file of translations that a stage to do reads.
        MissingPackageError: the package of a tracker, or peft for `lora`, is not installed.
        StoreError: the store cannot be written.
    """
    for part in parts:
        check_folder(ResolvedExperiment(part.loaded))
    check_lengths(parts, statuses)
    check_translations(parts, statuses)
    todo = statuses is None or has_todo(statuses)
    memory = plan_memory(parts, options) if todo else PlanMemory()
    executor = options.executor_in(store, memory.by_key, memory.least_gpu)
    plan = merge_plans(parts)
    check_packages(plan, statuses)
    store.prepare()
    info = _run_info(parts[0], store)
    # errors inside a stage are reported by its worker
    with store_errors(store.root), tracked(on_event, options.trackers, info) as listen:
        store.cleanup()
        if recorded:
            save_record(parts[0].loaded, parts[0].compiled, store)
        if study:
            save_study_stages(store, info.experiment, study, plan)
        run = partial(executor.run, plan, listen)
        if statuses is not None and not has_todo(statuses):
            result, read = _nothing_to_do(plan, statuses, listen), snapshot or store
            result.freed = _drop_unneeded(plan, statuses, store)
        else:
            result, read = run(), store
        return rebuild_damaged(result, parts, store, run, read)


def run_missing(
    parts: Sequence[CompiledExperiment],
    store: Store,
    options: RunOptions,
    on_event: Listener,
    *,
    statuses: Mapping[str, StageStatus],
    snapshot: StoreSnapshot,
    forget: Callable[[], None],
    study: str = "",
) -> RunResult:
    """Run what is missing, as `run_plans`; `forget` drops what was read if the store changed."""
    changed = has_todo(statuses)
    try:
        result = run_plans(
            parts, store, options, on_event, statuses=statuses, snapshot=snapshot, study=study
        )
        changed |= bool(result.done)
        return result
    finally:
        if changed:
            forget()


def _run_info(part: CompiledExperiment, store: Store) -> RunInfo:
    experiment = part.loaded.experiment
    config = experiment.model_dump(mode="json")
    return RunInfo(experiment.name, store.root / TRACKING / experiment.name, config)


def has_todo(statuses: Mapping[str, StageStatus]) -> bool:
    """Whether any stage is to do."""
    return any(status.state is StageState.TODO for status in statuses.values())


def _drop_unneeded(plan: Plan, statuses: Mapping[str, StageStatus], store: Store) -> int:
    """Drop what a finished plan does not keep; return the bytes freed."""
    retention = Retention(store, plan)
    finished, blocked = (
        {key for key, status in statuses.items() if status.state is state}
        for state in (StageState.DONE, StageState.BLOCKED)
    )
    retention.drop_unneeded(finished, blocked)
    return retention.freed


def _nothing_to_do(
    plan: Plan, statuses: Mapping[str, StageStatus], on_event: Listener
) -> RunResult:
    """The result of a run in which every stage is done or blocked."""
    result = RunResult()
    for key, status in statuses.items():
        if status.state is StageState.BLOCKED:
            result.skipped[key] = status.why
            on_event(Event("skipped", plan.by_key[key], {"why": status.why}))
    return result
