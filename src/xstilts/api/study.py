"""Run a study about an experiment and answer its question.

    xstilts.study("reasoning", "quickstart").summary

`prepare_study` returns the same in steps: what the study needs, running it, and the answer.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Unpack

from xstilts.api.handle import AnyExperiment, open_experiment
from xstilts.api.inputs import AnyStore
from xstilts.api.plan_summary import PlanSummary, plan_summary
from xstilts.api.run_options import DEFAULT, RunKeywords, RunOptions
from xstilts.api.run_plans import run_missing
from xstilts.core.errors import ConfigError
from xstilts.core.plan import StageState, StageStatus
from xstilts.core.store import Store
from xstilts.core.store_snapshot import StoreSnapshot
from xstilts.executors.base import RunResult
from xstilts.executors.events import Listener, ignore_events
from xstilts.planning.compiled_experiment import CompiledExperiment, encoders_of, merge_plans
from xstilts.reports.study import write_answer
from xstilts.studies import STUDIES
from xstilts.studies.base import Answer
from xstilts.studies.study_plan import StudyPlan, plan_study

FROM_STORE = ("snapshot", "statuses")
"""What a study has read from its store."""


@dataclass(frozen=True)
class StudyRun:
    """A study about an experiment in a store.

    Args:
        planned: the study with its experiments and measures, compiled.
    """

    planned: StudyPlan
    store: Store

    @cached_property
    def parts(self) -> tuple[CompiledExperiment, ...]:
        """The experiment as written, its variants and its measures."""
        return tuple(self.planned)

    @cached_property
    def snapshot(self) -> StoreSnapshot:
        """The store for reading; a run that has something to do makes it a new one."""
        return StoreSnapshot(self.store)

    @cached_property
    def statuses(self) -> Mapping[str, StageStatus]:
        """Key → state of each stage that the study needs."""
        return merge_plans(self.parts).statuses(self.snapshot)

    @property
    def outlook(self) -> StudyPlan:
        """What can be answered, without the tasks that the store excludes already."""
        return self.planned.without_excluded(self.planned.evidence(self.snapshot))

    def summary(self, options: RunOptions = DEFAULT) -> PlanSummary:
        """What is done and what is to do, of all that the study needs."""
        return plan_summary(self.parts, self.snapshot, options=options, statuses=self.statuses)

    def run(self, options: RunOptions = DEFAULT, on_event: Listener = ignore_events) -> RunResult:
        """Run the stages that are not done; the answer lists results that are missing.

        Raises:
            ConfigError: no data folder for tasks that are read from files.
            StoreError: the store cannot be written.
        """
        return run_missing(
            self.parts,
            self.store,
            options,
            on_event,
            statuses=self.statuses,
            snapshot=self.snapshot,
            forget=self.refresh,
            study=self.planned.study.name,
        )

    def refresh(self) -> None:
        """Forget what was read from the store; the plans stay."""
        for name in FROM_STORE:
            self.__dict__.pop(name, None)

    def answer(self) -> tuple[Answer, list[Path]]:
        """The answer from the available results, and the files written into the store."""
        evidence = self.planned.evidence(self.snapshot)
        answer = self.planned.study.answer(evidence)
        missing = self._missing(self.summary())
        answer = replace(answer, caveats=(*answer.caveats, *missing))
        return answer, write_answer(answer, evidence)

    def _missing(self, summary: PlanSummary) -> Iterator[str]:
        """The scores and measures that the answer is made without, in words."""
        needed = {cell.key for part in self.parts for cell in part.compiled.cells}
        needed |= {key for measure in self.planned.measured for key in measure.keys}
        todo = [stage for stage in summary.todo if stage.key in needed]
        blocked = [key for key in needed if summary.statuses[key].state is StageState.BLOCKED]
        if todo:
            yield (
                f"{len(todo)} of {len(needed)} scores and measures are missing (the first: "
                f"“{todo[0].label}”); the answer uses the others. Run the study again to complete "
                "it."
            )
        if blocked:
            yield (
                f"{len(blocked)} of {len(needed)} scores and measures do not exist because a "
                "training diverged."
            )


def prepare_study(name: str, experiment: AnyExperiment, store: AnyStore | None = None) -> StudyRun:
    """A study in steps: `summary`, `run`, `answer`.

    Raises:
        UnknownNameError: no such study.
        ConfigError: the experiment's names do not exist or do not fit together, or it has
            several encoders.
    """
    handle, found = open_experiment(experiment, store), STUDIES.get(name)
    encoders = encoders_of(handle.compiled)
    if len(encoders) > 1:
        raise ConfigError(
            f"the study {name} answers for one encoder, and the experiment has {len(encoders)}",
            where="encoders",
            todo=f"choose one: --encoder {shlex.quote(encoders[0])} (of {', '.join(encoders)})",
        )
    planned = plan_study(found, handle.loaded, handle.compiled)
    return StudyRun(planned, handle.store)


def study(
    name: str,
    experiment: AnyExperiment,
    store: AnyStore | None = None,
    *,
    on_event: Listener = ignore_events,
    **options: Unpack[RunKeywords],
) -> Answer:
    """Run what a study needs, write its answer into the store, and return it.

    Args:
        name: a study of `xstilts.studies.STUDIES`.
        experiment: as loaded, or a YAML file or a preset's name.
        store: its folder; by default $XSTILTS_STORE or ./xstilts-store.
        on_event: called with every event, in this process.
        options: workers, devices and the others of `run`.

    Raises:
        UnknownNameError: no such study.
        ConfigError: an invalid experiment, or no data folder for tasks that are read from files.
        StoreError: the store cannot be written.
    """
    prepared = prepare_study(name, experiment, store)
    prepared.run(RunOptions(**options), on_event)
    return prepared.answer()[0]
