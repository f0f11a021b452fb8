"""Worker processes that a server forks (`executors.worker_server`), seen from their executor.

torch and transformers are imported once for all workers of this process, in about three seconds,
instead of once in each. On machines that cannot fork (Windows), where forks are not safe after
such imports (macOS), and with GPUs, workers are processes of their own.
"""

from __future__ import annotations

import atexit
import os
import select
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import count
from threading import Lock, RLock
from typing import IO, Protocol

from xstilts.executors.socket_messages import receive_message, send_message

CAN_FORK = sys.platform == "linux"
MODULES = (
    "xstilts.models.encoder",
    "xstilts.training.loop",
    "transformers.models.auto.tokenization_auto",
    "transformers.tokenization_utils_tokenizers",
    "transformers.models.xlm_roberta.modeling_xlm_roberta",
    "transformers.models.bert.modeling_bert",
)
"""What workers would import one by one; none of them starts a thread."""
OWN = "XSTILTS_"
"""Beginning of variables that only xstilts reads, and each worker for itself."""


class ChildProcess(Protocol):
    """What a pool needs of a worker's process; `subprocess.Popen` has it."""

    @property
    def stdin(self) -> IO[bytes] | None:
        """To write to the process."""

    @property
    def stdout(self) -> IO[bytes] | None:
        """To read from the process."""

    def kill(self) -> None:
        """End it by SIGKILL."""

    def wait(self) -> int:
        """Wait until it has ended; its exit code, or minus the signal that ended it."""


class WorkerServer:
    """The server, which is started at once; the first worker waits for its imports.

    Args:
        environment: of the server. Workers are forked with their own, but libraries have read this
            one.
        log: file descriptor of the server's error output.
        modules: that the server imports.
    """

    def __init__(
        self, environment: Mapping[str, str], log: int, modules: Sequence[str] = MODULES
    ) -> None:
        self.environment, self.folder = dict(environment), os.getcwd()
        self._connection, other = socket.socketpair()
        with other:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "xstilts.executors.worker_server", *modules],
                stdin=other.fileno(),
                stdout=log,
                stderr=log,
                env=self.environment,
            )
        self._lock, self._numbers, self._is_ready = RLock(), count(), False
        self._running: set[int] = set()
        self._ended_with_it: set[int] = set()
        """Numbers of workers that were waited for when the server had ended."""
        self._is_closing = False

    @property
    def process_id(self) -> int:
        """Of the server."""
        return self._process.pid

    def fits(self, environment: Mapping[str, str]) -> bool:
        """Whether it runs, with such an environment and in the working directory.

        Python looks for modules in the directory in which a process was started.
        """
        is_equal = _read_by_libraries(environment) == _read_by_libraries(self.environment)
        return is_equal and self.folder == os.getcwd() and self._process.poll() is None

    def start(
        self, arguments: Sequence[str], environment: Mapping[str, str], log: int
    ) -> ForkedProcess:
        """Fork a worker.

        Args:
            arguments: of the worker's command line.
            log: file descriptor of its error output.

        Raises:
            OSError: the server has ended.
        """
        number = next(self._numbers)
        request = {
            "start": number,
            "arguments": list(arguments),
            "environment": dict(environment),
            "folder": os.getcwd(),
        }
        own_read, write = os.pipe()
        read, own_write = os.pipe()
        try:
            with self._lock:
                send_message(self._connection, request, (own_read, own_write, log))
                self._running.add(number)
        except OSError:
            for descriptor in (write, read):
                os.close(descriptor)
            raise
        finally:
            for descriptor in (own_read, own_write):
                os.close(descriptor)
        return ForkedProcess(self, number, write, read)

    def kill(self, number: int) -> None:
        """End a worker; also the server, if it still imports and has therefore not forked it."""
        with self._lock, suppress(OSError):
            if self._is_importing():
                self._process.kill()
            else:
                send_message(self._connection, {"kill": number})

    def wait(self, number: int) -> int:
        """Wait until a worker has ended; its exit code, or the server's if that has ended first."""
        with self._lock:
            self._running.discard(number)
            code = self._code(number)
            if self._is_closing:
                self.close()
            return code

    def has_ended_with(self, number: int) -> bool:
        """Whether the server had ended before a worker was waited for, which ended with it."""
        return number in self._ended_with_it

    def close(self) -> None:
        """End the server once its last worker was waited for."""
        with self._lock:
            self._is_closing = True
            if self._running:
                return
            self._connection.close()
            if not self._is_ready:
                self._process.kill()
            self._process.wait()

    def _code(self, number: int) -> int:
        try:
            send_message(self._connection, {"wait": number})
            while (answer := receive_message(self._connection)[0]) is not None:
                if answer.get("ended") == number:
                    return int(answer["code"])
                self._is_ready = True  # or the answer to a wait that was interrupted
        except OSError:
            pass
        self._ended_with_it.add(number)
        return self._process.wait()

    def _is_importing(self) -> bool:
        """Whether the server has not sent that it is ready."""
        if not self._is_ready and select.select([self._connection], [], [], 0)[0]:
            self._is_ready = receive_message(self._connection)[0] is not None
        return not self._is_ready


def _read_by_libraries(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if not name.startswith(OWN)}


class ForkedProcess:
    """A worker that was forked; see `ChildProcess`."""

    def __init__(self, server: WorkerServer, number: int, stdin: int, stdout: int) -> None:
        self._server, self._number = server, number
        self.stdin: IO[bytes] = os.fdopen(stdin, "wb")
        self.stdout: IO[bytes] = os.fdopen(stdout, "rb")
        self._code: int | None = None

    @property
    def ended_with_server(self) -> bool:
        """Whether its server had ended, and its exit code is that of the server."""
        return self._server.has_ended_with(self._number)

    def kill(self) -> None:
        """End it by SIGKILL, unless it was waited for."""
        if self._code is None:
            self._server.kill(self._number)

    def wait(self) -> int:
        """Wait until it has ended; its exit code, or minus the signal that ended it."""
        if self._code is None:
            self._code = self._server.wait(self._number)
        return self._code


_lock = Lock()
_server: WorkerServer | None = None


def worker_server(log: int) -> WorkerServer:
    """The server of this process, started unless it runs with the present environment.

    Args:
        log: file descriptor of its error output, if it is started.
    """
    global _server
    with _lock:
        if _server is None or not _server.fits(os.environ):
            close_server()
            _server = WorkerServer(os.environ, log)
        return _server


def close_server() -> None:
    """End the server of this process, if it has one, after its last worker."""
    global _server
    if _server:
        _server.close()
        _server = None


atexit.register(close_server)


def fork_worker(
    arguments: Sequence[str], environment: Mapping[str, str], log: int
) -> ForkedProcess:
    """Fork a worker from the server of this process; see `WorkerServer.start`."""
    try:
        return worker_server(log).start(arguments, environment, log)
    except OSError:  # it was idle for too long, and ended since it was looked at
        close_server()
        return worker_server(log).start(arguments, environment, log)
