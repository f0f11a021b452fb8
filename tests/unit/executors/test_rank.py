"""A process that divides a worker's trainings ends with its worker, and takes part in words."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from xstilts.core.device_errors import DEVICE_FAILED
from xstilts.core.errors import DataError
from xstilts.core.process_rank import ContactLost, PartDone, ProcessRank
from xstilts.core.stage import Stage
from xstilts.core.stopping import Stopped
from xstilts.core.store import Store
from xstilts.executors import rank
from xstilts.stages.base import StageContext, StageKind
from xstilts.testing.waiting import wait_until

WORKER = """
import subprocess, sys, time
from pathlib import Path
from xstilts.executors.rank_pool import rank_command
process = subprocess.Popen(
    rank_command(Path(sys.argv[1]), 1, 2), stdin=subprocess.PIPE, stdout=subprocess.PIPE
)
print(process.pid, flush=True)
time.sleep(600)
"""


def is_alive(pid: int) -> bool:
    """Whether a process exists and has not ended."""
    try:
        return ") Z" not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


def ignored_signals(pid: int) -> int:
    """The mask of signals that a process ignores."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("SigIgn")).split()[1], 16)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("is_paused", [False, True])
def test_a_process_ends_with_its_worker(tmp_path: Path, is_paused: bool) -> None:
    store = Store(tmp_path / "store").prepare()
    command = [sys.executable, "-c", WORKER, str(store.root)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdout
        pid = int(worker.stdout.readline())
        wait_until(lambda: ignored_signals(pid) >> (signal.SIGTERM - 1) & 1)
        os.kill(pid, signal.SIGTERM)  # a batch system's; the worker decides
        time.sleep(0.5)  # until the kernel is asked to end it with its worker
        assert is_alive(pid)
        if is_paused:
            os.kill(pid, signal.SIGSTOP)
        worker.kill()
    wait_until(lambda: not is_alive(pid))


def take_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException) -> object:
    """The answer about a stage that raises an error after it has written a file."""
    store = Store(tmp_path / "store").prepare()

    def run(context: StageContext) -> dict[str, object]:
        (context.folder / "weights").write_text("of another process")
        assert context.enter_group().rank == 1
        raise error

    monkeypatch.setattr(rank.STAGE_KINDS, "get", lambda _: StageKind(1, run))
    answer = rank.take_part(store, Stage("train", 1, {"a": 1}), ProcessRank(1, 2, "file"))
    assert not list((store.root / "staging").iterdir())
    assert store.names("artifacts") == []
    return answer


@pytest.mark.parametrize(
    ("error", "answer"),
    [
        (PartDone(), {"done": True}),
        (Stopped(), {"done": True}),
        (ContactLost("gone"), {"failed": "gone", "contact": True, "device": ""}),
        (DataError("no labels"), {"failed": "no labels", "contact": False, "device": ""}),
        (ValueError("odd"), {"failed": "ValueError: odd", "contact": False, "device": ""}),
        (
            RuntimeError("CUDA error: unspecified launch failure"),
            {
                "failed": "RuntimeError: CUDA error: unspecified launch failure",
                "contact": False,
                "device": DEVICE_FAILED,
            },
        ),
    ],
)
def test_a_process_publishes_nothing_and_answers_how_its_part_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException, answer: dict[str, object]
) -> None:
    assert take_part(tmp_path, monkeypatch, error) == answer
