"""The verbs of studies: what a study would run, running it, and its answer.

loaded = xstilts.load("quickstart")
xstilts.study("reasoning", loaded).summary
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from xstilts.api import experiment as api
from xstilts.api.experiment import PlanSummary, open_store
from xstilts.config.load import LoadedExperiment
from xstilts.core.plan import StageState
from xstilts.core.store import Store
from xstilts.executors.events import Event
from xstilts.executors.local import RunResult
from xstilts.reports.study import write_answer
from xstilts.studies import STUDIES
from xstilts.studies.base import Answer
from xstilts.studies.study_plan import StudyPlan, plan_study


@dataclass(frozen=True)
class StudyRun:
    """A study about an experiment in a store.

    Args:
        planned: what it reads; made once, as planning hashes every stage.
    """

    planned: StudyPlan
    store: Store

    def outlook(self, workers: int | None = None) -> PlanSummary:
        """What is done of what the study reads, and what is to do."""
        (_, own), *others = self.planned
        known = api.compile_with_history(self.planned.loaded, self.store).plan.known
        own = replace(own, plan=replace(own.plan, known=known))
        return api.plan_summary([(self.planned.loaded, own), *others], self.store, workers)

    def run(
        self, *, workers: int | None = None, on_event: Callable[[Event], None] = lambda _: None
    ) -> RunResult:
        """Run what is missing; what fails is missing from the answer, which says so."""
        return api.run_plans(list(self.planned), self.store, workers=workers, on_event=on_event)

    def answer(self) -> tuple[Answer, list[Path]]:
        """The answer from what there is so far, and the files that were written for it."""
        evidence = self.planned.evidence(self.store)
        found = self.planned.study.answer(evidence)
        found = replace(found, caveats=(*found.caveats, *self._missing()))
        return found, write_answer(found, evidence)

    def _missing(self) -> list[str]:
        """What is not there of what the study reads, in words."""
        seen = self.outlook()
        wanted = {cell.key for _, compiled in self.planned for cell in compiled.cells} | {
            key for one in self.planned.measured for key in one.keys
        }
        todo = [stage for stage in seen.todo if stage.key in wanted]
        lost = [key for key in wanted if seen.standings[key].state is StageState.DIVERGED]
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


def prepare_study(
    name: str, loaded: LoadedExperiment, store: Store | Path | str | None = None
) -> StudyRun:
    """A study about an experiment: to be looked at, run, and answered.

    Raises:
        UnknownNameError: no such study.
        ConfigError: the experiment's names do not fit together.
    """
    return StudyRun(plan_study(STUDIES.get(name), loaded), open_store(store))


def study(
    name: str,
    loaded: LoadedExperiment,
    store: Store | Path | str | None = None,
    *,
    workers: int | None = None,
    listen: Callable[[Event], None] = lambda _: None,
) -> Answer:
    """Run what a study is missing, write its answer into the store, and return it.

    Raises:
        UnknownNameError: no such study.
        StoreError: the store cannot be written.
    """
    asked = prepare_study(name, loaded, store)
    asked.run(workers=workers, on_event=listen)
    return asked.answer()[0]
