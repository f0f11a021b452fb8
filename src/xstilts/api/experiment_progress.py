"""What there is of an experiment before it has scores."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from xstilts.api.handle import ExperimentHandle
from xstilts.api.running_stages import RunningStage, held_stages, running_stages
from xstilts.api.status import ExperimentStatus
from xstilts.core.plan import StageState

FAILED = "failed"
ATTEMPTS = ("started", "done", FAILED)
"""Events of the journal about an attempt of a stage."""


@dataclass(frozen=True)
class ExperimentProgress:
    """How far an experiment is.

    Args:
        experiment: its name.
        states: how many of its stages are in each state.
        running: those that processes work on now.
        command: runs what is to do; empty if none does.
        problem: why none does, as the end of a sentence about the run; else empty.
        failed: label → problem of the stages to do whose latest attempt has failed, if known.
    """

    experiment: str
    states: Mapping[StageState, int]
    running: tuple[RunningStage, ...]
    command: str
    problem: str = ""
    failed: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of_status(cls, status: ExperimentStatus) -> ExperimentProgress:
        """That of an experiment that was run in a store."""
        return cls(status.experiment, status.states, status.running, status.command, status.problem)

    @classmethod
    def of_handle(cls, handle: ExperimentHandle, command: str) -> ExperimentProgress:
        """That of an experiment in its store, whether or not it was run there.

        Args:
            command: runs it.
        """
        statuses = handle.statuses
        todo = [
            stage
            for stage in handle.compiled.plan.stages
            if statuses[stage.key].state is StageState.TODO
        ]
        attempts = {
            event["key"]: event
            for event in handle.snapshot.journal.read()
            if event["event"] in ATTEMPTS and "key" in event
        }
        latest = ((stage.label, attempts.get(stage.key, {})) for stage in todo)
        return cls(
            handle.loaded.experiment.name,
            Counter(each.state for each in statuses.values()),
            running_stages(todo, held_stages(handle.snapshot)),
            command,
            failed={
                label: str(event.get("problem", ""))
                for label, event in latest
                if event.get("event") == FAILED
            },
        )

    @property
    def has_todo(self) -> bool:
        """Whether a stage is to do."""
        return bool(self.states.get(StageState.TODO))
