"""A process that has imported torch and transformers, and forks workers that need both.

Started as `python -m xstilts.executors.worker_server MODULE...` with a socket as its standard
input. The requests (`executors.socket_messages`) are:

{"start": number, "arguments": [...], "environment": {...}, "folder": working directory}
                               with three file descriptors: the worker's standard input, output
                               and error output
{"kill": number}
{"wait": number}               answered by {"ended": number, "code": exit code} once it has ended

The server answers {"ready": true} when its imports are done. It ends with the other side of the
socket, and after `IDLE_SECONDS` without workers. The kernel kills its workers if it is killed.

A fork copies the calling thread only, and locks that other threads hold stay locked in the copy.
The server therefore has one thread: it imports nothing that starts others (pyarrow does; workers
import it themselves), and does not compute. If an import fails or has started a thread
nevertheless, the server starts workers that import for themselves.
"""

from __future__ import annotations

import gc
import os
import signal
import socket
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from xstilts.executors.parent_death import end_with_parent
from xstilts.executors.socket_messages import receive_message, send_message
from xstilts.executors.worker import detach_stdin, single_thread_env
from xstilts.executors.worker import main as run_worker

IDLE_SECONDS = 60.0
"""Seconds without a worker and without a request after which the server ends."""
SIGNALS = (signal.SIGINT, signal.SIGHUP, signal.SIGTERM, signal.SIGUSR1)
THREADS = Path("/proc/self/task")


def main(modules: Sequence[str]) -> None:
    """Import what workers need, then serve requests until the other side of the socket ends."""
    for number in SIGNALS:  # a batch system and a terminal send them to every process
        signal.signal(number, signal.SIG_IGN)
    connection = socket.socket(fileno=os.dup(0))
    os.dup2(2, 1)
    detach_stdin()
    single_thread_env()
    can_fork = import_all(modules)
    with suppress(OSError):  # the other side has ended meanwhile, and the server does too
        send_message(connection, {"ready": True})
    Server(connection, can_fork).serve()


def import_all(modules: Iterable[str]) -> bool:
    """Import the modules; return whether workers with these modules can be forked."""
    gc.disable()  # a quarter of the imports' time
    try:
        for module in modules:
            import_module(module)
    except Exception:  # of which the first stage that needs the module reports
        traceback.print_exc()
        return False
    gc.freeze()  # collections of the workers do not touch, and so copy, what is shared
    return len(list(THREADS.iterdir())) == 1


class Server:
    """Starts workers, and keeps the id of each until it is waited for."""

    def __init__(self, connection: socket.socket, can_fork: bool) -> None:
        self.connection, self.can_fork = connection, can_fork
        self.processes: dict[int, int] = {}
        """Number that the other side has given a worker → process id."""
        self.codes: dict[int, int] = {}
        """Number of a worker that was waited for → its exit code, as a wait may be repeated."""
        self.spawned: list[subprocess.Popen[bytes]] = []
        """Kept, because `subprocess` waits itself for processes whose objects are gone."""

    def serve(self) -> None:
        """Serve requests until the other side ends, or nothing was asked for some time."""
        while True:
            self.connection.settimeout(None if self.processes else IDLE_SECONDS)
            try:
                request, descriptors = receive_message(self.connection)
            except (TimeoutError, ConnectionError):
                return
            if request is None:
                return
            self._answer(request, descriptors)

    def _answer(self, request: dict[str, Any], descriptors: list[int]) -> None:
        if "start" in request:
            self._start(request, descriptors)
        elif "kill" in request:  # not reaped before it is waited for, so that the id is its own
            if request["kill"] in self.processes:
                os.kill(self.processes[request["kill"]], signal.SIGKILL)
        else:
            number = request["wait"]
            if number in self.processes:
                _, status = os.waitpid(self.processes.pop(number), 0)
                self.codes[number] = os.waitstatus_to_exitcode(status)
            send_message(self.connection, {"ended": number, "code": self.codes[number]})

    def _start(self, request: dict[str, Any], descriptors: list[int]) -> None:
        """Start a worker; one that cannot be started has ended with code 1."""
        start = self._fork if self.can_fork else self._spawn
        try:
            self.processes[request["start"]] = start(request, descriptors)
        except OSError:  # no more processes or memory; others go on
            traceback.print_exc()
            self.codes[request["start"]] = 1
        finally:
            for descriptor in descriptors:
                os.close(descriptor)

    def _fork(self, request: dict[str, Any], descriptors: list[int]) -> int:
        process = os.fork()
        if process == 0:
            self.connection.close()
            run_as_process(lambda: _become_worker(request, descriptors))
        return process

    def _spawn(self, request: dict[str, Any], descriptors: list[int]) -> int:
        """Start a worker that imports everything itself."""
        stdin, stdout, stderr = descriptors
        process = subprocess.Popen(
            [sys.executable, "-m", "xstilts.executors.worker", *request["arguments"]],
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            env=request["environment"],
            cwd=request["folder"],
        )
        self.spawned.append(process)
        return process.pid


def _become_worker(request: dict[str, Any], descriptors: list[int]) -> None:
    """Run a worker in this process, which was forked for it."""
    end_with_parent()
    for target, descriptor in enumerate(descriptors):
        os.dup2(descriptor, target)
        os.close(descriptor)
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["folder"])
    gc.enable()
    root, *devices_per_stage = request["arguments"]
    run_worker(root, *map(int, devices_per_stage))


def run_as_process(action: Callable[[], None]) -> None:
    """Run an action and end the process with its exit code, as the interpreter would."""
    code = 1
    try:
        action()
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(code)


if __name__ == "__main__":
    main(sys.argv[1:])
