"""A stage is tried again as long as checkpoints are saved, and a limited number of times if not."""

from __future__ import annotations

from pathlib import Path

import pytest

from xstilts.core.leases import HeldElsewhere
from xstilts.core.plan import Plan
from xstilts.core.stage import Stage
from xstilts.core.store import Store
from xstilts.executors.attempts import MAX_DEATHS, MAX_INTERRUPTIONS, progress
from xstilts.executors.events import LOST, ignore_events
from xstilts.executors.failures import SubmissionFailures
from xstilts.executors.scheduler import Scheduler
from xstilts.testing.simulated_pool import done

LONG = Stage("toy", 1, {"n": 1}, label="long")
TRIES = 3 * MAX_INTERRUPTIONS


def job(root: Path, host: str = "a") -> Scheduler:
    """The scheduler of a job that Slurm has just started."""
    shared = SubmissionFailures(root / "shared", host)
    shared.folder.mkdir(exist_ok=True)
    return Scheduler(Store(root / "store").prepare(), Plan.of([LONG]), ignore_events, shared)


def save_checkpoint(root: Path, step: int) -> None:
    folder = Store(root / "store").checkpoint_path(LONG.key) / f"step-{step}"
    folder.mkdir(parents=True)
    (folder / "state.json").write_text("{}")


def begin(scheduler: Scheduler) -> bool:
    """Start the stage, unless it is given up."""
    stage = scheduler.next_stage("", ())
    if stage:
        scheduler.receive({"event": "started", "key": stage.key})
    return stage is not None


def test_a_job_that_is_put_back_again_and_again_gives_its_stage_up(tmp_path: Path) -> None:
    """Killed, preempted or at the limit: the next job starts where this one left no word."""
    jobs = [job(tmp_path) for _ in range(MAX_INTERRUPTIONS + 1)]
    assert [begin(one) for one in jobs] == [True] * MAX_INTERRUPTIONS + [False]
    assert jobs[-1].is_finished
    assert f"started {MAX_INTERRUPTIONS} times" in jobs[-1].result.failed[LONG.key]
    assert "--time" in jobs[-1].result.failed[LONG.key]
    later = job(tmp_path, "b")
    assert not begin(later)
    assert later.result.failed == jobs[-1].result.failed


def test_a_job_whose_training_goes_on_each_time_is_put_back_without_limit(tmp_path: Path) -> None:
    for step in range(TRIES):
        assert begin(job(tmp_path))
        save_checkpoint(tmp_path, step)


def test_an_incomplete_checkpoint_is_no_progress(tmp_path: Path) -> None:
    store = Store(tmp_path).prepare()
    before = progress(store, LONG.key)
    staged = store.checkpoint_path(LONG.key) / ".staged.7"
    staged.mkdir(parents=True)
    (staged / "state.json").write_text("{}")
    assert progress(store, LONG.key) == before


@pytest.mark.parametrize("event", ["failed", "busy"])
def test_a_start_that_ended_by_itself_does_not_count(tmp_path: Path, event: str) -> None:
    """Each node lacks the files of the stage, or loses it to another one."""
    reads = Stage("toy", 1, {"n": 2}, label="reads", context={"folder": "data"})
    store = Store(tmp_path / "store").prepare()
    for number in range(TRIES):
        shared = SubmissionFailures(tmp_path, f"node{number}")
        scheduler = Scheduler(store, Plan.of([reads]), ignore_events, shared)
        assert begin(scheduler)
        ended = {"event": event, "key": reads.key, "problem": "no file"}
        scheduler.receive(ended, f"node{number}")


def test_a_worker_that_died_is_no_interruption(tmp_path: Path) -> None:
    first = job(tmp_path)
    assert begin(first)
    first.lose(LONG, "killed by signal 9")
    assert begin(first)  # and its node is lost
    others = [job(tmp_path) for _ in range(MAX_INTERRUPTIONS)]
    assert [begin(one) for one in others] == [True] * (MAX_INTERRUPTIONS - 1) + [False]


@pytest.mark.parametrize("event", ["failed", LOST])
def test_a_failure_is_recorded_before_its_start_is_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, event: str
) -> None:
    """Another task reads both, and begins no stage that has just failed."""
    known: list[bool] = []
    scheduler = job(tmp_path)
    unlink = Path.unlink

    def look(path: Path, missing_ok: bool = False) -> None:
        if path.parent.name == "shared":
            known.append(LONG.key in SubmissionFailures(path.parent, "b").problems())
        unlink(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", look)
    if event == LOST:
        scheduler.lose(LONG, "died before")
    assert begin(scheduler)
    scheduler.receive({"key": LONG.key, "event": event, "problem": "no such column"})
    assert known == [True]


def test_the_failure_of_a_last_start_is_not_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was recorded after the other task had looked for a failure, and before it gave up."""
    for _ in range(MAX_INTERRUPTIONS):
        assert begin(job(tmp_path))
    other = job(tmp_path, "b")
    shared = SubmissionFailures(tmp_path / "shared", "a")
    look_again = Store.look_again

    def record(store: Store) -> None:
        shared.record(LONG.key, {"problem": "no such column"}, only_here=False)
        look_again(store)

    monkeypatch.setattr(Store, "look_again", record)
    assert not begin(other)
    assert other.result.failed == {LONG.key: "no such column"}
    assert shared.problems() == {LONG.key: "no such column"}


def test_a_stage_that_another_job_works_on_at_its_last_start_is_waited_for(tmp_path: Path) -> None:
    for _ in range(MAX_INTERRUPTIONS):
        assert begin(job(tmp_path))
    waiting = job(tmp_path, "b")
    holder = Store(tmp_path / "store")
    with holder.leases.hold(LONG.key) as lease:
        assert not isinstance(lease, HeldElsewhere)
        assert not begin(waiting)
        assert not waiting.is_finished
        assert not waiting.result.failed
        with holder.staging(LONG.key) as folder:
            holder.publish(LONG, folder, {}, {}, lease)
    waiting.todo.put_last(LONG.key)  # its delay is over
    assert waiting.next_stage("", ()) == LONG  # a worker finds that it is done
    waiting.receive({**done(LONG), "key": LONG.key})
    assert waiting.result.done == [LONG.key]


@pytest.mark.parametrize(
    ("with_machine", "limit"), [(False, MAX_DEATHS), (True, MAX_INTERRUPTIONS)]
)
@pytest.mark.parametrize("saves", [False, True])
def test_a_run_counts_the_workers_and_machines_that_it_loses_between_two_checkpoints(
    tmp_path: Path, with_machine: bool, limit: int, saves: bool
) -> None:
    scheduler = Scheduler(Store(tmp_path / "store").prepare(), Plan.of([LONG]), ignore_events)
    for number in range(TRIES):
        if not begin(scheduler):
            break
        if saves:
            save_checkpoint(tmp_path, number)
        scheduler.lose(LONG, "gone", with_machine=with_machine)
    assert number == (TRIES - 1 if saves else limit)
    assert scheduler.result.failed == ({} if saves else {LONG.key: "gone"})
