"""Workers that a server forks: they are as workers of their own, and end with server or driver."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from xstilts.core.store import Store
from xstilts.executors import worker_server
from xstilts.executors.forked_workers import MODULES, ForkedProcess, WorkerServer
from xstilts.executors.socket_messages import receive_message, send_message
from xstilts.testing.toy_stages import install_toy_stages, toy_plan
from xstilts.testing.waiting import wait_until
from xstilts.testing.worker_processes import children_of

SINGLE_THREADED = """
import sys
from xstilts.executors.forked_workers import MODULES
from xstilts.executors.worker import single_thread_env
from xstilts.executors.worker_server import import_all
single_thread_env()
can_fork = import_all(MODULES)
print(can_fork, "torch" in sys.modules, "transformers.modeling_utils" in sys.modules)
"""


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """One in which workers find stages that cost nothing."""
    folder = install_toy_stages(tmp_path_factory.mktemp("package"))
    return {**os.environ, "PYTHONPATH": f"{folder}:{os.environ.get('PYTHONPATH', '')}"}


@pytest.fixture(scope="module")
def server(environment: dict[str, str]) -> Iterator[WorkerServer]:
    """A server without torch."""
    server = WorkerServer(environment, 2, ())
    yield server
    server.close()


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A store in the working directory."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "gate").touch()
    return Store(tmp_path / "store").prepare()


def last_event(process: ForkedProcess, logs: Path) -> dict[str, Any]:
    """What a worker says of a stage."""
    stage = toy_plan(1, logs, 0.0).stages[0]
    process.stdin.write(json.dumps(stage.to_json()).encode() + b"\n")
    process.stdin.flush()
    events = [json.loads(process.stdout.readline() or "{}") for _ in range(2)]
    return dict(events[1])


def end(process: ForkedProcess) -> int:
    process.kill()
    process.stdin.close()
    process.stdout.close()
    return process.wait()


def is_stopped(process: int) -> bool:
    """Pause a process; whether it is paused, which takes until it runs in user mode again."""
    os.kill(process, signal.SIGSTOP)
    return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "T"


def test_a_forked_worker_runs_stages_in_the_folder_of_its_driver(
    server: WorkerServer, environment: dict[str, str], store: Store, tmp_path: Path
) -> None:
    process = server.start(["store"], environment, 2)
    assert last_event(process, tmp_path)["event"] == "done"
    assert len(store.names("artifacts")) == 1
    process.stdin.close()
    assert process.wait() == 0
    process.stdout.close()


def test_a_forked_worker_has_the_environment_that_it_is_given(
    server: WorkerServer, environment: dict[str, str], store: Store, tmp_path: Path
) -> None:
    faulty = environment | {"XSTILTS_FAULT": "store.before_rename:kill"}
    process = server.start(["store"], faulty, 2)
    assert last_event(process, tmp_path) == {}
    assert process.wait() == -signal.SIGKILL
    assert end(process) == -signal.SIGKILL
    assert not process.ended_with_server
    assert not store.names("artifacts")


def test_a_paused_forked_worker_can_be_killed(
    server: WorkerServer, environment: dict[str, str], store: Store
) -> None:
    before = set(children_of(server.process_id))
    process = server.start(["store"], environment, 2)
    wait_until(lambda: set(children_of(server.process_id)) - before)
    [worker] = set(children_of(server.process_id)) - before
    wait_until(lambda: is_stopped(worker))
    assert end(process) == -signal.SIGKILL


def ready_and_killed(
    server: WorkerServer, environment: dict[str, str], logs: Path
) -> tuple[ForkedProcess, ForkedProcess]:
    """A worker that has run a stage, so that the server is ready, and one that was killed then."""
    ready = server.start(["store"], environment, 2)
    assert last_event(ready, logs)["event"] == "done"
    killed = server.start(["store"], environment, 2)
    killed.kill()
    return ready, killed


@pytest.mark.usefixtures("store")
def test_a_worker_that_has_ended_can_be_killed_and_waited_for_again(
    server: WorkerServer, environment: dict[str, str], tmp_path: Path
) -> None:
    other, ended = ready_and_killed(server, environment, tmp_path)
    assert ended.wait() == -signal.SIGKILL
    server.kill(ended._number)
    assert server.wait(ended._number) == -signal.SIGKILL
    other.stdin.close()
    assert other.wait() == 0
    for stream in (ended.stdin, ended.stdout, other.stdout):
        stream.close()


@pytest.mark.usefixtures("store")
def test_the_answer_to_an_interrupted_wait_is_not_taken_for_another(
    server: WorkerServer, environment: dict[str, str], tmp_path: Path
) -> None:
    closed, killed = ready_and_killed(server, environment, tmp_path)
    send_message(server._connection, {"wait": killed._number})  # whose answer is never read
    closed.stdin.close()
    assert closed.wait() == 0
    assert killed.wait() == -signal.SIGKILL
    for stream in (killed.stdin, killed.stdout, closed.stdout):
        stream.close()


def test_a_server_ignores_the_signals_of_batch_systems_and_terminals(
    server: WorkerServer, environment: dict[str, str], store: Store, tmp_path: Path
) -> None:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1):
        os.kill(server.process_id, number)
    process = server.start(["store"], environment, 2)
    assert last_event(process, tmp_path)["event"] == "done"
    end(process)


def test_a_server_fits_an_environment_that_differs_for_workers_only(
    server: WorkerServer, environment: dict[str, str]
) -> None:
    assert server.fits(environment | {"XSTILTS_FAULT": "train.step:kill"})
    assert not server.fits(environment | {"HF_HOME": "elsewhere"})


def test_workers_end_with_a_server_that_is_killed(
    environment: dict[str, str], store: Store
) -> None:
    server = WorkerServer(environment, 2, ())
    process = server.start(["store"], environment, 2)
    wait_until(lambda: children_of(server.process_id))
    os.kill(server.process_id, signal.SIGKILL)
    assert not process.stdout.read()
    assert end(process) == -signal.SIGKILL
    assert process.ended_with_server
    server.close()
    assert not server.fits(environment)


def test_a_worker_imports_for_itself_where_the_server_cannot(
    environment: dict[str, str], store: Store, tmp_path: Path
) -> None:
    server = WorkerServer(environment, 2, ("no_such_module",))
    process = server.start(["store"], environment, 2)
    assert last_event(process, tmp_path)["event"] == "done"
    process.stdin.close()
    assert process.wait() == 0
    process.stdout.close()
    server.close()


def test_a_worker_can_be_killed_while_its_server_still_imports(
    environment: dict[str, str], store: Store, tmp_path: Path
) -> None:
    (tmp_path / "slow_import.py").write_text("import time; time.sleep(600)", encoding="utf-8")
    slow = environment | {"PYTHONPATH": f"{tmp_path}:{environment['PYTHONPATH']}"}
    server = WorkerServer(slow, 2, ("slow_import",))
    assert end(server.start(["store"], slow, 2)) == -signal.SIGKILL
    server.close()


@pytest.mark.parametrize("workers", [0, 1])
def test_an_idle_server_ends_unless_it_has_workers(
    workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_server, "IDLE_SECONDS", 0.01)
    own, other = socket.socketpair()
    with own, other:
        idle = worker_server.Server(own, can_fork=False)
        idle.processes = dict.fromkeys(range(workers), os.getpid())
        thread = threading.Thread(target=idle.serve)
        thread.start()
        thread.join(0.2 if workers else None)
        assert thread.is_alive() == bool(workers)
        other.close()
        thread.join()


def test_messages_larger_than_a_socket_takes_arrive_whole() -> None:
    own, other = socket.socketpair()
    message = {"environment": {str(number): "x" * 1000 for number in range(90)}}
    with own, other:
        send_message(own, message, (0, 1, 2))
        received, descriptors = receive_message(other)
        for descriptor in descriptors:
            os.close(descriptor)
        assert (received, len(descriptors)) == (message, 3)
        own.close()
        assert receive_message(other) == (None, [])


def test_the_imports_of_a_server_start_no_thread() -> None:
    printed = subprocess.check_output([sys.executable, "-c", SINGLE_THREADED], text=True)
    assert printed.split() == ["True"] * 3
    assert all("pyarrow" not in module for module in MODULES)


def test_a_server_is_not_used_from_another_folder(
    server: WorkerServer,
    environment: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Modules are looked for in the folder in which Python was started."""
    assert server.fits(environment)
    monkeypatch.chdir(tmp_path)
    assert not server.fits(environment)
