"""The processes that divide a worker's trainings: their answers, failures and ends."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from queue import Empty, Queue

import pytest

from xstilts.core.device_errors import DEVICE_FAILED
from xstilts.core.devices import VISIBLE
from xstilts.core.errors import ConfigError
from xstilts.core.process_rank import ContactLost
from xstilts.core.stage import Stage
from xstilts.executors import rank_pool
from xstilts.executors.rank_pool import RankPool
from xstilts.testing.waiting import wait_until

CODE = """
import json, os, signal, sys, time
rank = int(sys.argv[2])
for line in sys.stdin:
    message = json.loads(line)
    if "cores" in message:
        cores = message["cores"]
        continue
    act = message["stage"]["params"].get(str(rank), "done")
    if act == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif act == "wait":
        continue
    elif act == "done":
        print(json.dumps({"done": True}), flush=True)
    else:
        device = "failed" if "CUDA" in act else ""
        answer = {"failed": act, "contact": act == "contact", "device": device}
        print(json.dumps(answer), flush=True)
"""
Losses = Queue[tuple[str, str, str]]


@pytest.fixture
def losses() -> Losses:
    return Queue()


@pytest.fixture
def pool(tmp_path: Path, losses: Losses, monkeypatch: pytest.MonkeyPatch) -> Iterator[RankPool]:
    """A pool of a worker and two processes that do as the stage's parameters say."""
    script = tmp_path / "rank.py"
    script.write_text(CODE)

    def command(root: Path, rank: int, size: int) -> list[str]:
        return [sys.executable, str(script), str(root), str(rank), str(size)]

    monkeypatch.setattr(rank_pool, "rank_command", command)
    monkeypatch.setattr(rank_pool, "OWN_GRACE", 0.1)
    made = RankPool(tmp_path, 3, lambda stage, *facts: losses.put((stage.label, *facts)))
    yield made
    made.close()


def stage(**acts: str) -> Stage:
    """A stage whose parameters are what each process does."""
    return Stage(
        "train", 1, {name.removeprefix("rank"): act for name, act in acts.items()}, label="a"
    )


def test_processes_are_started_once_and_finish_each_stage(pool: RankPool, losses: Losses) -> None:
    first = pool.enter(stage())
    assert (first.rank, first.size) == (0, 3)
    assert Path(first.meeting).parent.is_dir()
    pool.leave()
    assert not Path(first.meeting).parent.exists()
    processes = pool.processes
    second = pool.enter(stage())
    pool.leave()
    assert pool.processes == processes
    assert second.meeting != first.meeting
    assert losses.empty()


def test_a_killed_process_is_named_with_its_signal(pool: RankPool, losses: Losses) -> None:
    meeting = pool.enter(stage(rank1="wait", rank2="kill")).meeting
    label, problem, device = losses.get(timeout=30)
    assert (label, device) == ("a", "")
    assert "process 2" in problem
    assert "SIGKILL" in problem
    assert not Path(meeting).exists()


def test_the_end_of_a_process_is_named_rather_than_the_contact_that_others_lost(
    pool: RankPool, losses: Losses, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rank_pool, "OWN_GRACE", 0.5)
    pool.enter(stage(rank1="contact", rank2="kill"))
    assert "process 2" in losses.get(timeout=30)[1]
    with pytest.raises(Empty):
        losses.get(timeout=1.5)


def test_a_process_that_cannot_start_is_a_loss(
    pool: RankPool, losses: Losses, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rank_pool, "rank_command", lambda *_: [sys.executable, "-c", "exit(3)"])
    pool.start()
    wait_until(lambda: pool.has_ended)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RankPool, "start", lambda _: None)  # it ended after the check in `start`
        pool.enter(stage())
    assert "exit code 3" in losses.get(timeout=30)[1]


def test_a_process_that_fails_alone_is_a_loss_with_its_problem(
    pool: RankPool, losses: Losses
) -> None:
    pool.enter(stage(rank1="wait", rank2="disk is full"))
    assert "disk is full" in losses.get(timeout=30)[1]


def test_a_loss_says_that_the_gpu_of_a_process_has_failed(pool: RankPool, losses: Losses) -> None:
    pool.enter(stage(rank1="wait", rank2="CUDA error"))
    _, problem, device = losses.get(timeout=30)
    assert "CUDA error" in problem
    assert device == DEVICE_FAILED


def test_an_error_of_the_worker_itself_ends_the_others_without_a_loss(
    pool: RankPool, losses: Losses
) -> None:
    pool.enter(stage(rank1="wait", rank2="the same error"))
    pool.abandon(ValueError("the same error"))
    with pytest.raises(Empty):
        losses.get(timeout=0.5)
    pool.enter(stage())  # starts others
    pool.leave()
    assert losses.empty()


def test_an_error_outside_of_a_divided_training_leaves_the_processes(pool: RankPool) -> None:
    pool.enter(stage())
    pool.leave()
    processes = pool.processes
    pool.abandon(ValueError("in another stage"))
    assert pool.processes == processes
    assert all(process.poll() is None for process in processes)


def test_a_lost_contact_gives_time_to_find_the_lost_process(
    pool: RankPool, losses: Losses, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rank_pool, "OWN_GRACE", 10.0)
    pool.enter(stage(rank1="wait", rank2="kill"))
    pool.abandon(ContactLost("connection closed"))
    assert "process 2" in losses.get_nowait()[1]


def test_processes_that_died_between_stages_are_started_again(
    pool: RankPool, losses: Losses
) -> None:
    pool.enter(stage())
    pool.leave()
    pool.processes[0].kill()
    wait_until(lambda: pool.has_ended)
    pool.enter(stage())
    pool.leave()
    assert losses.empty()


def test_the_cores_of_a_worker_are_divided(pool: RankPool) -> None:
    assert pool.set_cores(7) == 2
    assert pool.set_cores(1) == 1


def test_a_worker_with_too_few_gpus_says_so(
    pool: RankPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VISIBLE, "0,1")
    with pytest.raises(ConfigError, match="2 GPUs"):
        pool.enter(stage())


def test_a_fault_of_a_test_reaches_the_process_that_it_names() -> None:
    environ = {"XSTILTS_FAULT": "train.step:kill", "XSTILTS_FAULT_RANK_2": "train.step:oom"}
    found = [rank_pool.without_fault(environ, rank).get("XSTILTS_FAULT") for rank in (1, 2)]
    assert found == [None, "train.step:oom"]
