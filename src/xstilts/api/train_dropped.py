"""Train again what was dropped to free disk, and is needed for an export."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext

from xstilts.api.training_choice import Training
from xstilts.core.errors import StoreError
from xstilts.core.stage import Stage
from xstilts.core.store import Store
from xstilts.executors.events import Event, Listener, ignore_events

Showing = Callable[[Sequence[Stage]], AbstractContextManager[Listener]]
"""Takes the stages that will run; the context's value takes their events."""


def show_nothing(_stages: Sequence[Stage]) -> AbstractContextManager[Listener]:
    """A context whose listener ignores events."""
    return nullcontext(ignore_events)


def train_dropped(training: Training, store: Store, *, train: bool, showing: Showing) -> None:
    """Run the stages whose files were dropped and are needed.

    Raises:
        StoreError: there are some, and they are not to be run.
    """
    missing = list(_missing(training.stage, training.stages, store, set()))
    if not missing:
        return
    if not train:
        raise _dropped(missing)
    store.prepare()
    with showing(missing) as on_event:
        for stage in missing:
            _run(stage, store, on_event)


def _dropped(missing: Sequence[Stage]) -> StoreError:
    seconds = sum(stage.cost.seconds for stage in missing)
    labels = ", ".join(stage.label for stage in missing[:3])
    more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
    return StoreError(
        f"the weights were dropped to free disk (keep_weights): {labels}{more}",
        todo=f"train again, with the same result, in about {max(1, round(seconds / 60))} min: "
        "--train; or set keep_weights: all before a run",
    )


def _run(stage: Stage, store: Store, on_event: Listener) -> None:
    """Run a stage in this process.

    Raises:
        StoreError: another process runs it.
    """
    from xstilts.core.leases import Lease
    from xstilts.executors.worker import execute_stage

    def report(facts: dict[str, object]) -> None:
        if "notice" in facts:
            on_event(Event("note", stage, {"problem": facts["notice"]}))
        else:
            on_event(Event("progress", stage, facts))

    with store.leases.hold(stage.key) as lease:
        if not isinstance(lease, Lease):
            raise StoreError(
                f"another process runs {stage.label}", todo="wait until it has finished"
            )
        on_event(Event("started", stage))
        started = time.monotonic()
        facts = execute_stage(store, stage, report, lease).facts
        on_event(Event("done", stage, {**facts, "seconds": time.monotonic() - started}))


def _missing(
    stage: Stage, stages: dict[str, Stage], store: Store, seen: set[str]
) -> Iterator[Stage]:
    """A stage and those before it whose files are not there, in a runnable order."""
    if stage.key in seen or store.has(stage.key):
        return
    seen.add(stage.key)
    for key in stage.inputs.values():
        if key not in stages:
            raise StoreError(
                f"the store does not know the stage {key[:12]} that {stage.label} needs",
                todo="run the experiment again",
            )
        yield from _missing(stages[key], stages, store, seen)
    yield stage
