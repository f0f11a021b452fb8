"""The expected disk of a plan at its peak."""

from __future__ import annotations

from dataclasses import replace

import pytest

from xstilts.core.plan import Plan
from xstilts.core.stage import Cost, Stage
from xstilts.planning.disk import (
    CHECKPOINTS,
    MANIFEST_BYTES,
    MANIFESTS,
    MOST_CHECKPOINTS,
    STATES,
    checkpoint_bytes,
    disk_use,
    stage_disk,
)

MB = 1_000_000
ENCODER = Stage("encoder", 1, {}, label="encoder", cost=Cost(1.0, 400 * MB))
SHORT, LONG = Cost(60.0, 100 * MB), Cost(7200.0, 100 * MB)


def training(number: int, cost: Cost = SHORT) -> Stage:
    params = {"recipe": {}, "number": number}
    return Stage("train", 1, params, {"encoder": ENCODER.key}, label=f"train {number}", cost=cost)


def score(of: Stage) -> Stage:
    return Stage("score", 1, {}, {"model": of.key}, label=f"score {of.label}", cost=Cost(0.1, 0))


def chain(count: int, cost: Cost = SHORT) -> list[Stage]:
    """An encoder, then trainings, each followed by its score."""
    trainings = [training(number, cost) for number in range(count)]
    return [ENCODER, *(stage for one in trainings for stage in (one, score(one)))]


def sizes(stages: list[Stage], *, dropped: bool = False, workers: int = 1) -> tuple[int, int]:
    """MB at the peak and in the end, without manifests."""
    droppable = frozenset(one.key for one in stages if one.kind == "train" and dropped)
    use = disk_use(Plan(tuple(stages), droppable=droppable), stages, workers, {})
    manifests = len(stages) * MANIFEST_BYTES
    return round((use.peak - use.by_kind[MANIFESTS]) / MB), round((use.final - manifests) / MB)


def test_without_a_policy_everything_stays() -> None:
    assert sizes(chain(5)) == (900, 900)


@pytest.mark.parametrize(("workers", "peak"), [(1, 500), (2, 600), (4, 800)])
def test_dropped_weights_count_once_per_worker(workers: int, peak: int) -> None:
    assert sizes(chain(5), dropped=True, workers=workers) == (peak, 400)


def test_weights_stay_until_the_last_stage_that_reads_them() -> None:
    stages = chain(3)
    late = Stage("score", 1, {"late": 1}, {"model": stages[1].key}, cost=Cost(0.1, 0))
    assert sizes([*stages, late], dropped=True) == (600, 400)


@pytest.mark.parametrize(("workers", "running"), [(1, 1), (2, 2), (9, 3)])
def test_checkpoints_of_long_trainings_count_once_per_worker(workers: int, running: int) -> None:
    stages = chain(3, LONG)
    use = disk_use(Plan(tuple(stages)), stages, workers, {})
    assert use.by_kind[CHECKPOINTS] == running * MOST_CHECKPOINTS * STATES * 100 * MB
    assert use.peak - use.final == use.by_kind[CHECKPOINTS]


def test_a_training_has_as_many_checkpoints_as_its_time_allows() -> None:
    stage = training(0, LONG)
    assert checkpoint_bytes(stage, 599) == 0
    assert checkpoint_bytes(stage, 601) == STATES * 100 * MB
    rare = replace(stage, context={"checkpoint_minutes": 1000})
    assert checkpoint_bytes(rare) == 0
    assert stage_disk(rare) == 100 * MB
    assert checkpoint_bytes(ENCODER, 1e6) == 0


def test_only_stages_to_do_count() -> None:
    stages = chain(3)
    assert disk_use(Plan(tuple(stages)), stages[-1:], 1, {}).by_kind == {MANIFESTS: MANIFEST_BYTES}
    assert disk_use(Plan(tuple(stages)), (), 1, {}).peak == 0
