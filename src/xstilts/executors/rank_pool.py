"""The processes that divide a worker's trainings with it: started, watched and ended by it.

A process that ends, or fails, in the middle of a training leaves the others waiting for it, in
calls that Python cannot interrupt. Threads therefore read what every process sends, and report the
loss.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from secrets import token_hex
from typing import Any

from xstilts.core.devices import rank_environment
from xstilts.core.process_rank import ContactLost, ProcessRank, timeout_seconds
from xstilts.core.stage import Stage

FAULT = "XSTILTS_FAULT"
OWN_GRACE = 3.0
"""Seconds in which the worker may end a stage by itself after another process has failed, and in
which a lost contact may turn out to be the end of a process."""
DONE_SECONDS = 60.0
"""Seconds to wait at the next stage for a process that has not finished the last one."""

OnLoss = Callable[[Stage, str, str], None]
"""Takes a stage, what happened to a process in the middle of it, and what that says of its GPU
(`device_failure`); called in another thread."""


def rank_command(root: Path, rank: int, size: int) -> list[str]:
    """The command line of a process for a store."""
    return [sys.executable, "-m", "xstilts.executors.rank", str(root), str(rank), str(size)]


class RankPool:
    """The other processes of a worker, numbered from 1.

    Args:
        root: the store's folder.
        size: number of processes, with the worker.
        on_loss: called once if a process is lost in the middle of a stage.

    Attributes:
        processes: by rank, from 1.
    """

    def __init__(self, root: Path, size: int, on_loss: OnLoss) -> None:
        self.root, self.size, self._on_loss = root, size, on_loss
        self.processes: list[subprocess.Popen[bytes]] = []
        self._changed = threading.Condition()
        self._working: set[int] = set()
        self._ended: dict[int, str] = {}
        """Rank → how its process has ended by itself."""
        self._stage: Stage | None = None
        self._is_losing = self._is_reported = False
        self._meeting: Path | None = None
        self._cores = 1

    @property
    def has_ended(self) -> bool:
        """Whether a process has ended by itself."""
        return bool(self._ended)

    def enter(self, stage: Stage) -> ProcessRank:
        """Give a stage to every process; return the rank of the worker.

        Raises:
            ConfigError: the worker sees fewer GPUs than it has processes, or the environment has
                no valid time limit.
        """
        timeout = timeout_seconds()
        self.start()
        self._meeting = Path(tempfile.mkdtemp(prefix="xstilts-meeting-"))
        meeting = str(self._meeting / "file")
        with self._changed:
            self._working = set(range(1, self.size))
            self._stage = stage
        self._send({"cores": self._cores})
        own = ProcessRank(0, self.size, meeting, token_hex(32), timeout)
        shared = {"meeting": meeting, "secret": own.secret, "timeout": timeout}
        self._send({"stage": stage.to_json(), **shared})
        self._report_ends()
        return own

    def leave(self) -> None:
        """Wait until every process has done its part of the stage; end those that have not."""
        with self._changed:
            done = self._changed.wait_for(lambda: not self._working, DONE_SECONDS)
        if not done:
            self.close()
        self._forget_meeting()

    def set_cores(self, cores: int) -> int:
        """Divide the worker's cores among all processes; return the share of each."""
        self._cores = max(1, cores // self.size)
        self._send({"cores": self._cores})
        return self._cores

    def start(self) -> None:
        """Start the processes, unless they run."""
        if self.processes and not self.has_ended:
            return
        self.close()
        environments = [
            without_fault(rank_environment(os.environ, rank, self.size), rank)
            for rank in range(1, self.size)
        ]
        for rank, environment in enumerate(environments, start=1):
            process = subprocess.Popen(
                rank_command(self.root, rank, self.size),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=environment,
            )
            self.processes.append(process)
            threading.Thread(target=self._watch, args=(rank, process), daemon=True).start()

    def abandon(self, error: Exception) -> None:
        """End all processes after the worker's stage has failed.

        If the contact to a process was lost, the threads get time to report why.
        """
        with self._changed:
            if self._is_losing or isinstance(error, ContactLost):
                self._changed.wait_for(lambda: self._is_reported, 3 * OWN_GRACE)
            elif not self._working:
                return
        self.close()

    def close(self) -> None:
        """End all processes, whatever they do."""
        processes, self.processes = self.processes, []
        with self._changed:
            self._working.clear()
        for process in processes:
            process.kill()
        for process in processes:
            process.wait()
        self._ended.clear()
        self._forget_meeting()

    def _forget_meeting(self) -> None:
        if self._meeting:
            shutil.rmtree(self._meeting, ignore_errors=True)
            self._meeting = None

    def _send(self, message: dict[str, Any]) -> None:
        for process in self.processes:
            assert process.stdin
            with suppress(BrokenPipeError):
                process.stdin.write(json.dumps(message).encode() + b"\n")
                process.stdin.flush()

    def _watch(self, rank: int, process: subprocess.Popen[bytes]) -> None:
        """Read the answers of a process, and report its end."""
        assert process.stdout
        for line in process.stdout:
            self._answered(rank, json.loads(line))
        code = process.wait()
        if process not in self.processes:
            return
        self._ended[rank] = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        self._report_ends()

    def _report_ends(self) -> None:
        """Report a process that has ended and has not finished its part of the stage."""
        for rank, how in list(self._ended.items()):
            if rank in self._working:
                self._lose(f"process {rank} of this training has ended with {how} (see worker.log)")

    def _answered(self, rank: int, answer: dict[str, Any]) -> None:
        if "failed" not in answer:
            with self._changed:
                self._working.discard(rank)
                self._changed.notify_all()
            return
        time.sleep(OWN_GRACE * (2 if answer["contact"] else 1))
        if rank in self._working:
            problem = f"process {rank} of this training has failed: {answer['failed']}"
            self._lose(problem, answer["device"])

    def _lose(self, problem: str, device: str = "") -> None:
        with self._changed:
            if not self._working:
                return
            self._working.clear()
            self._is_losing = True
        self._forget_meeting()
        assert self._stage
        self._on_loss(self._stage, problem, device)  # ends the worker
        with self._changed:
            self._is_reported = True
            self._changed.notify_all()


def without_fault(environ: Mapping[str, str], rank: int) -> dict[str, str]:
    """The environment with the fault that a test sets for this process, not the worker's."""
    own = {name: value for name, value in environ.items() if name != FAULT}
    fault = own.get(f"{FAULT}_RANK_{rank}")
    return {**own, FAULT: fault} if fault else own
