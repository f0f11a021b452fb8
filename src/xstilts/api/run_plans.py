"""Running the stages of experiments as one plan."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from xstilts.analysis.run_records import save_record
from xstilts.api.workers import default_workers
from xstilts.core.plan import Plan, StageState, StageStatus
from xstilts.core.store import Store, to_store_error
from xstilts.executors.events import Event
from xstilts.executors.local import LocalExecutor, RunResult
from xstilts.planning.compiled_experiment import CompiledExperiment, merge_plans
from xstilts.planning.resolve import ResolvedExperiment
from xstilts.planning.validate import check_folder

OnEvent = Callable[[Event], None]


def ignore_event(_event: Event) -> None:
    """The listener of a run that nobody watches."""


def run_plans(
    parts: Sequence[CompiledExperiment],
    store: Store,
    *,
    workers: int | None = None,
    isolate: bool = False,
    on_event: OnEvent = ignore_event,
    statuses: Mapping[str, StageStatus] | None = None,
    recorded: bool = True,
) -> RunResult:
    """Run what is missing of experiments as one plan.

    Args:
        statuses: key → state of each stage, if known; without a stage to do no executor starts.
        recorded: whether the store keeps a record of the first experiment.

    Raises:
        ConfigError: there is no folder for tasks that only files have.
        StoreError: the store cannot be written.
    """
    for part in parts:
        check_folder(ResolvedExperiment(part.loaded))
    store.prepare()
    executor = LocalExecutor(store, workers=workers or default_workers(), isolate=isolate)
    try:
        store.cleanup()
        if recorded:
            save_record(parts[0].loaded, parts[0].compiled, store)
        if statuses is not None and not has_todo(statuses):
            return _nothing_to_do(merge_plans(parts), statuses, on_event)
        return executor.run(merge_plans(parts), on_event)
    except OSError as error:  # errors inside a stage are reported by its worker
        raise to_store_error(error, store.root) from error


def has_todo(statuses: Mapping[str, StageStatus]) -> bool:
    """Whether any stage is to do."""
    return any(status.state is StageState.TODO for status in statuses.values())


def _nothing_to_do(plan: Plan, statuses: Mapping[str, StageStatus], on_event: OnEvent) -> RunResult:
    """The result of a run in which every stage is done, or cannot run as a training diverged."""
    result = RunResult()
    for key, status in statuses.items():
        if status.state is StageState.DIVERGED:
            result.skipped[key] = status.why
            on_event(Event("skipped", plan.by_key[key], {"why": status.why}))
    return result
