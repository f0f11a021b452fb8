"""The time left counts the steps of running stages."""

from __future__ import annotations

from typing import Any

import pytest

from xstilts.core.stage import Stage
from xstilts.executors.events import Event, Kind
from xstilts.executors.remaining_time import RemainingTime, speed_groups

LONG = Stage("train", 1, {"seed": 0}, label="long")
SHORT = Stage("train", 1, {"seed": 1}, label="short")


def remaining(*events: tuple[Kind, Stage, dict[str, Any]]) -> RemainingTime:
    time = RemainingTime({LONG.key: 90.0, SHORT.key: 10.0})
    for event in events:
        time.on_event(Event(*event))
    return time


def step(stage: Stage, number: int, steps: int = 100) -> tuple[Kind, Stage, dict[str, Any]]:
    return "progress", stage, {"step": number, "steps": steps}


def test_steps_of_a_single_running_stage_count() -> None:
    left = remaining(step(LONG, 1), step(LONG, 90)).seconds(spent=81.0)
    assert left == pytest.approx(19.0)


def test_steps_of_an_earlier_run_are_no_work_of_this_one() -> None:
    left = remaining(step(LONG, 51), step(LONG, 60)).seconds(spent=9.0)
    assert left == pytest.approx(46.0)


def test_closed_and_running_stages_are_added() -> None:
    left = remaining(("done", SHORT, {}), step(LONG, 1), step(LONG, 50)).seconds(spent=110.0)
    assert left == pytest.approx(90.0)


@pytest.mark.parametrize(("number", "spent"), [(1, 60.0), (50, 4.0)])
def test_nothing_is_extrapolated_from_little(number: int, spent: float) -> None:
    assert remaining(step(LONG, 1), step(LONG, number)).seconds(spent) is None


def test_other_progress_and_unknown_stages_do_not_count() -> None:
    other = Stage("train", 1, {"seed": 2}, label="other")
    events: list[tuple[Kind, Stage, dict[str, Any]]] = [
        ("progress", LONG, {"dev": {}}), step(other, 50), ("started", SHORT, {}),
        ("progress", LONG, {"step": 0, "steps": 0}),
    ]  # fmt: skip
    assert remaining(*events).shares == {}


def test_each_kind_of_stage_has_its_own_speed() -> None:
    """Predictions take ten times as long as expected, trainings as long as expected."""
    trains = [Stage("train", 1, {"seed": seed}, label=f"train {seed}") for seed in range(4)]
    predicts = [Stage("predict", 1, {"seed": seed}, label=f"predict {seed}") for seed in range(2)]
    stages = (*trains, *predicts)
    groups = {stage.key: (stage.kind,) for stage in stages}
    time = RemainingTime(dict.fromkeys(groups, 10.0), groups)
    for stage in trains[:3]:
        time.on_event(Event("done", stage, {"seconds": 10.0}))
    time.on_event(Event("done", predicts[0], {"seconds": 100.0}))
    assert time.seconds(130.0) == pytest.approx(110.0)
    assert time.seconds(65.0) == pytest.approx(55.0)  # with two processes


def test_the_time_of_a_running_stage_counts() -> None:
    """A training takes twice as long as expected, which its first half shows."""
    now = [0.0]
    time = RemainingTime({LONG.key: 10.0, SHORT.key: 10.0}, clock=lambda: now[0])
    time.on_event(Event("started", LONG, {}))
    for event in (step(LONG, 1), step(LONG, 50)):
        time.on_event(Event(*event))
    now[0] = 10.0
    assert time.seconds(10.0) == pytest.approx(10.0 * 15.0 / 4.9, rel=0.03)


def test_each_task_has_its_own_speed() -> None:
    """Trainings of one task take three times as long as expected, and come first."""
    slow = [Stage("train", 1, {"seed": seed}, label=f"train long seed {seed}") for seed in range(3)]
    fast = [
        Stage("train", 1, {"fast": seed}, label=f"train short seed {seed}") for seed in range(3)
    ]
    stages = (*slow, *fast)
    groups = {stage.key: speed_groups(stage) for stage in stages}
    time = RemainingTime(dict.fromkeys(groups, 10.0), groups)
    for stage in slow[:2]:
        time.on_event(Event("done", stage, {"seconds": 30.0}))
    assert time.seconds(60.0) == pytest.approx(120.0)  # nothing else is known of `short`
    time.on_event(Event("done", fast[0], {"seconds": 10.0}))
    assert time.seconds(70.0) == pytest.approx(50.0)
