"""The verbs of studies: what a study would run, running it, and its answer.

loaded = xstilts.load("quickstart")
xstilts.study("reasoning", loaded).summary
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from xstilts.api.handle import AnyExperiment, open_experiment, with_history
from xstilts.api.load import AnyStore
from xstilts.api.plan_summary import PlanSummary, plan_summary
from xstilts.api.run_options import DEFAULT, RunOptions
from xstilts.api.run_plans import run_plans
from xstilts.core.devices import AUTO
from xstilts.core.plan import StageState
from xstilts.core.store import Store
from xstilts.core.store_snapshot import StoreSnapshot
from xstilts.executors.base import LOCAL, RunResult
from xstilts.executors.events import Listener, ignore_events
from xstilts.planning.compiled_experiment import CompiledExperiment
from xstilts.reports.study import write_answer
from xstilts.studies import STUDIES
from xstilts.studies.base import Answer
from xstilts.studies.study_plan import StudyPlan, plan_study
from xstilts.trackers.base import Tracker


@dataclass(frozen=True)
class StudyRun:
    """A study about an experiment in a store.

    Args:
        planned: what it reads; made once, as planning hashes every stage.
    """

    planned: StudyPlan
    store: Store

    @cached_property
    def parts(self) -> tuple[CompiledExperiment, ...]:
        """The experiment as written, its variants and its measures."""
        (loaded, own), *others = self.planned
        own = with_history(own, loaded.experiment.name, self.store)
        return (CompiledExperiment(loaded, own), *(CompiledExperiment(*part) for part in others))

    def outlook(self, options: RunOptions = DEFAULT) -> PlanSummary:
        """What is done of what the study reads, and what is to do."""
        return plan_summary(self.parts, self.store, options=options)

    def run(self, options: RunOptions = DEFAULT, on_event: Listener = ignore_events) -> RunResult:
        """Run what is missing; what fails is missing from the answer, which says so."""
        return run_plans(self.parts, self.store, options, on_event)

    def answer(self) -> tuple[Answer, list[Path]]:
        """The answer from what there is so far, and the files that were written for it."""
        snapshot = StoreSnapshot(self.store)
        evidence = self.planned.evidence(snapshot)
        found = self.planned.study.answer(evidence)
        missing = self._missing(plan_summary(self.parts, snapshot))
        found = replace(found, caveats=(*found.caveats, *missing))
        return found, write_answer(found, evidence)

    def _missing(self, seen: PlanSummary) -> list[str]:
        """What is not there of what the study reads, in words."""
        wanted = {cell.key for _, compiled in self.planned for cell in compiled.cells} | {
            key for one in self.planned.measured for key in one.keys
        }
        todo = [stage for stage in seen.todo if stage.key in wanted]
        lost = [key for key in wanted if seen.standings[key].state is StageState.BLOCKED]
        said = []
        if todo:
            said.append(
                f"{len(todo)} of {len(wanted)} scores and measures are missing, the first "
                f"“{todo[0].label}”: the answer is about the others. Run the study again."
            )
        if lost:
            said.append(
                f"{len(lost)} of {len(wanted)} scores and measures do not exist, because the "
                "training before them diverged."
            )
        return said


def prepare_study(name: str, experiment: AnyExperiment, store: AnyStore | None = None) -> StudyRun:
    """A study about an experiment: to be looked at, run, and answered.

    Raises:
        UnknownNameError: no such study.
        ConfigError: the experiment's names do not fit together.
    """
    handle = open_experiment(experiment, store)
    return StudyRun(plan_study(STUDIES.get(name), handle.loaded), handle.store)


def study(
    name: str,
    experiment: AnyExperiment,
    store: AnyStore | None = None,
    *,
    workers: int | None = None,
    devices: str = AUTO,
    executor: str = LOCAL,
    trackers: Sequence[str | Tracker] = (),
    on_event: Listener = ignore_events,
) -> Answer:
    """Run what a study is missing, write its answer into the store, and return it.

    Args:
        workers, devices, executor, trackers, on_event: see `run`.

    Raises:
        UnknownNameError: no such study.
        StoreError: the store cannot be written.
    """
    asked = prepare_study(name, experiment, store)
    options = RunOptions(workers, devices, executor=executor, trackers=trackers)
    asked.run(options, on_event)
    return asked.answer()[0]
