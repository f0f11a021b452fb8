"""The time left counts the steps of running stages, and is right after the first tenth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from xstilts.core.stage import Cost, Stage
from xstilts.executors.events import Event, Kind
from xstilts.executors.remaining_time import RemainingTime

LONG = Stage("train", 1, {"seed": 0}, label="long")
SHORT = Stage("train", 1, {"seed": 1}, label="short")


@dataclass
class Run:
    """Stages of which events tell at given times."""

    weights: Mapping[Stage, float]
    workers: int = 1
    now: float = 0.0
    time: RemainingTime = field(init=False)

    def __post_init__(self) -> None:
        seconds = {stage.key: weight for stage, weight in self.weights.items()}
        self.time = RemainingTime(list(self.weights), seconds, self.workers, lambda: self.now)

    def tell(self, now: float, kind: Kind, stage: Stage, **facts: Any) -> None:
        self.now = now
        self.time.on_event(Event(kind, stage, facts))

    def step(self, now: float, stage: Stage, number: int, steps: int = 100) -> None:
        self.tell(now, "progress", stage, step=number, steps=steps)

    def left(self, now: float) -> float | None:
        self.now = now
        return self.time.seconds(now)


def test_the_time_before_the_first_step_counts_once_per_training() -> None:
    run = Run({LONG: 90.0, SHORT: 10.0})
    run.tell(0, "started", LONG)
    run.step(10, LONG, 0)
    run.step(91, LONG, 90)
    assert run.left(91) == pytest.approx(9 + 10 + 10, rel=0.05)


def test_steps_of_an_earlier_run_are_no_work_of_this_one() -> None:
    run = Run({LONG: 90.0})
    run.tell(0, "started", LONG)
    run.step(0, LONG, 50)
    run.step(18, LONG, 60)
    assert run.left(18) == pytest.approx(72, rel=0.3)  # ten steps, and the expected speed


@pytest.mark.parametrize("resumed", [1, 51])
def test_a_training_that_begins_again_is_as_fast_as_before(resumed: int) -> None:
    """Its stage repeats it in fp32 after outputs that are not finite."""
    run = Run({LONG: 100.0, SHORT: 100.0})
    run.tell(0, "started", LONG)
    run.step(1, LONG, resumed)
    run.step(50, LONG, resumed + 49)
    run.step(51, LONG, 1)
    run.step(61, LONG, 11)
    assert run.left(61) == pytest.approx(89 + 100, rel=0.05)


def test_nothing_is_extrapolated_from_little() -> None:
    run = Run({LONG: 90.0})
    run.tell(0, "started", LONG)
    run.step(1, LONG, 1)
    assert run.left(60) is None
    run.step(4, LONG, 50)
    assert run.left(4.9) is None


def test_other_progress_and_unknown_stages_do_not_count() -> None:
    run = Run({LONG: 90.0})
    other = Stage("train", 1, {"seed": 2}, label="other")
    run.step(10, other, 50)
    run.tell(10, "progress", LONG, dev={})
    run.tell(10, "progress", LONG, step=0, steps=0)
    assert run.time.last == {}


def test_each_kind_of_stage_has_its_own_speed() -> None:
    """Predictions take ten times as long as expected, trainings as long as expected."""
    trains = [Stage("train", 1, {"seed": seed}) for seed in range(4)]
    predicts = [Stage("predict", 1, {"seed": seed}) for seed in range(2)]
    run = Run(dict.fromkeys((*trains, *predicts), 100.0))
    for stage in trains[:3]:
        run.tell(0, "done", stage, seconds=100.0)
    run.tell(1300, "done", predicts[0], seconds=1000.0)
    assert run.left(1300) == pytest.approx(1100, rel=0.1)


def test_the_rest_takes_at_least_as_long_as_its_longest_chain() -> None:
    chain = [Stage("train", 1, {"seed": 0})]
    for seed in (1, 2, 3):
        chain.append(Stage("train", 1, {"seed": seed}, {"base": chain[-1].key}))
    run = Run(dict.fromkeys(chain, 10.0), workers=4)
    run.tell(10, "done", chain[0], seconds=10.0)
    assert run.left(10) == pytest.approx(30)


def test_more_stages_at_a_time_than_announced_count_as_workers() -> None:
    stages = [Stage("train", 1, {"seed": seed}) for seed in range(9)]
    run = Run(dict.fromkeys(stages, 10.0))
    for stage in stages[:3]:
        run.tell(0, "started", stage)
    for stage in stages[:3]:
        run.tell(10, "done", stage, seconds=10.0)
    assert run.left(10) == pytest.approx(20)


@pytest.mark.parametrize("kind", ["failed", "skipped"])
def test_a_stage_that_failed_is_neither_work_nor_left(kind: Kind) -> None:
    stages = [Stage("train", 1, {"seed": seed}) for seed in range(3)]
    run = Run(dict.fromkeys(stages, 10.0))
    run.tell(10, "done", stages[0], seconds=10.0)
    run.tell(11, kind, stages[1])
    assert run.left(11) == pytest.approx(10)


@dataclass(frozen=True)
class Part:
    """Stages of one group, in the order in which they are to do.

    Args:
        first: what the first of each `group` takes in addition, such as to load a model.
        fixed: of `true`, what is spent before the first step; 0 for stages without steps.
    """

    kind: str
    count: int
    expected: float
    true: float
    fixed: float = 0.0
    first: float = 0.0
    group: int = 11

    def stages(self) -> list[tuple[Stage, float]]:
        cost = Cost(self.expected, 0, 0.0 if self.kind in ("prepare", "score") else 1e9)
        named = {"part": (self.kind, self.expected)}
        return [
            (
                Stage(self.kind, 1, {**named, "number": number}, cost=cost),
                self.true + (0 if number % self.group else self.first),
            )
            for number in range(self.count)
        ]


def error_after_tenth(parts: Sequence[Part], workers: int = 2) -> float:
    """Estimated over true time left after a tenth of a run, whose workers take the next stage."""
    stages = [one for part in parts for one in part.stages()]
    fixed = {part.kind: part.fixed for part in parts}
    free, spans = [0.0] * workers, []
    for stage, seconds in stages:
        worker = free.index(min(free))
        spans.append((stage, free[worker], seconds))
        free[worker] += seconds
    end, run = max(free), Run({stage: stage.cost.seconds for stage, _ in stages}, workers)
    for now, kind, stage, facts in sorted(_events(spans, fixed), key=lambda one: one[0]):
        if now <= end / 10:
            run.tell(now, kind, stage, **facts)
    left = run.left(end / 10)
    assert left is not None
    return left / (0.9 * end)


def _events(
    spans: Sequence[tuple[Stage, float, float]], fixed: Mapping[str, float]
) -> list[tuple[float, Kind, Stage, dict[str, Any]]]:
    events: list[tuple[float, Kind, Stage, dict[str, Any]]] = []
    for stage, start, seconds in spans:
        events.append((start, "started", stage, {}))
        if stage.kind == "train":
            before = fixed["train"]
            for step in range(1, 101):
                now = start + before + (seconds - before) * step / 100
                events.append((now, "progress", stage, {"step": step, "steps": 100}))
        events.append((start + seconds, "done", stage, {"seconds": seconds}))
    return events


PREPARE = Part("prepare", 17, 0.5, 1.1)
SLOTS = [
    PREPARE, Part("encoder", 1, 8.7, 7.8), Part("train", 4, 16.9, 12.0, 3.0),
    Part("predict", 44, 0.9, 0.3, first=0.7), Part("train", 8, 55.0, 32.0, 3.0),
    Part("train", 8, 16.9, 12.0, 3.0), Part("predict", 88, 0.9, 0.3, first=0.7),
]  # fmt: skip
FEW_EXAMPLES = [
    PREPARE, Part("train", 6, 279.0, 280.0, 8.0), Part("train", 6, 176.0, 200.0, 8.0),
    Part("predict", 144, 7.6, 4.9, first=6.0), Part("score", 144, 0.01, 0.02),
]  # fmt: skip
SLOW_PREDICTIONS = [
    Part("train", 4, 100.0, 150.0, 5.0), Part("predict", 200, 6.0, 8.0, first=5.0),
]  # fmt: skip
# Nothing of the trainings has begun after a tenth: their factor may not differ much from the rest.
PREDICTIONS_FIRST = [
    PREPARE, Part("predict", 200, 2.0, 1.5, first=4.0), Part("train", 6, 250.0, 200.0, 6.0),
]  # fmt: skip
SLOW_MACHINE = [
    PREPARE, Part("train", 8, 60.0, 180.0, 6.0), Part("predict", 100, 2.0, 7.0, first=5.0),
]  # fmt: skip


@pytest.mark.parametrize(
    "parts", [SLOTS, FEW_EXAMPLES, SLOW_PREDICTIONS, PREDICTIONS_FIRST, SLOW_MACHINE],
    ids=["slots", "few-examples", "slow-predictions", "predictions-first", "slow-machine"],
)  # fmt: skip
@pytest.mark.parametrize("workers", [1, 2, 4])
def test_the_estimate_after_a_tenth_is_within_30_percent(
    parts: Sequence[Part], workers: int
) -> None:
    assert error_after_tenth(parts, workers) == pytest.approx(1, abs=0.3)
