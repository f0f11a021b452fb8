"""Runs of a tracker: one per training stage, ended as the stage ended."""

from __future__ import annotations

from collections.abc import Mapping

from xstilts.core.stage import Stage
from xstilts.executors.events import Event
from xstilts.trackers.stage_runs import INTERRUPTED, StageRuns

FIRST = Stage("train", 1, {"seed": 1}, label="first")
SECOND = Stage("train", 1, {"seed": 2}, label="second")
SCORE = Stage("score", 1, {"seed": 1}, label="score")


def step(stage: Stage, number: int, loss: float) -> Event:
    facts = {"step": number, "steps": 2, "loss": loss, "examples_per_second": 8.0}
    return Event("progress", stage, facts)


def test_stages_that_train_at_the_same_time_have_runs_of_their_own() -> None:
    logged: list[tuple[str, int, float]] = []
    ended: list[tuple[str, str]] = []

    def log(run: str, points: Mapping[str, float], at: int) -> None:
        logged.append((run, at, points["loss"]))

    runs = StageRuns(
        lambda event: event.stage.label, log, lambda run, how: ended.append((run, how))
    )
    events = (
        *(Event("started", FIRST), step(FIRST, 1, 0.9), step(SECOND, 1, 0.8), step(FIRST, 2, 0.7)),
        *(Event("done", FIRST, {"seconds": 1.0}), Event("done", SCORE, {"seconds": 1.0})),
    )
    for event in events:
        runs.on_event(event)
    assert logged == [("first", 1, 0.9), ("second", 1, 0.8), ("first", 2, 0.7)]
    assert ended == [("first", "done")]
    runs.close()
    assert ended == [("first", "done"), ("second", INTERRUPTED)]


def test_a_failed_stage_ends_its_run_as_failed() -> None:
    ended: list[tuple[str, str]] = []
    runs = StageRuns(
        lambda event: event.stage.label,
        lambda run, points, at: None,
        lambda run, how: ended.append((run, how)),
    )
    runs.on_event(step(FIRST, 1, 0.9))
    runs.on_event(Event("failed", FIRST, {"problem": "no memory"}))
    runs.close()
    assert ended == [("first", "failed")]
