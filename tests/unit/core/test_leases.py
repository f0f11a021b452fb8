"""A stage has one holder; one that is gone or silent is replaced, and can publish nothing."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import threading
from itertools import takewhile
from pathlib import Path

import pytest

from xstilts.core import leases
from xstilts.core.leases import EXPIRY, HeldElsewhere, Lease, LeaseLost, Leases
from xstilts.core.stage import Stage
from xstilts.core.store import Store

STAGE = Stage("prepare", 1, {}, label="rows")
KEY = STAGE.key


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def on_another_machine(lease: Lease) -> None:
    """Let a lease look like that of a machine whose processes nobody here can see."""
    holder = json.loads(lease.text) | {"host": "elsewhere", "boot": "another", "process": 1}
    lease.path.write_text(json.dumps(holder))


def taken(found: Lease | HeldElsewhere) -> Lease:
    assert isinstance(found, Lease)
    return found


def test_a_stage_has_one_holder_who_is_named(tmp_path: Path) -> None:
    with Leases(tmp_path).hold(KEY) as lease:
        assert taken(lease).is_held
        other = Leases(tmp_path).take(KEY)
        assert isinstance(other, HeldElsewhere)
        assert f"process {os.getpid()} on " in other.text
    assert list(tmp_path.iterdir()) == []
    assert taken(Leases(tmp_path).take(KEY)).is_held


def test_the_lease_of_a_killed_process_is_taken_over_at_once(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys; from pathlib import Path; from xstilts.core.leases import Leases\n"
        f"Leases(Path(sys.argv[1])).take('{KEY}'); os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)])
    assert (tmp_path / KEY / "1").exists()
    lease = taken(Leases(tmp_path).take(KEY))
    assert lease.is_held
    assert [path.name for path in (tmp_path / KEY).iterdir()] == ["2"]


def test_a_silent_holder_of_another_machine_is_replaced_after_a_minute(tmp_path: Path) -> None:
    on_another_machine(taken(Leases(tmp_path).take(KEY)))
    clock = Clock()
    observer = Leases(tmp_path, clock)
    assert isinstance(observer.take(KEY), HeldElsewhere)
    clock.now += EXPIRY
    assert isinstance(observer.take(KEY), HeldElsewhere)
    clock.now += 1
    assert taken(observer.take(KEY)).is_held


def test_a_holder_that_touches_its_lease_keeps_it(tmp_path: Path) -> None:
    lease = taken(Leases(tmp_path).take(KEY))
    on_another_machine(lease)
    clock = Clock()
    observer = Leases(tmp_path, clock)
    for touch in range(5):
        os.utime(lease.path, (touch, touch))
        assert isinstance(observer.take(KEY), HeldElsewhere)
        clock.now += EXPIRY - 1


def test_a_paused_holder_whose_lease_was_taken_over_publishes_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path / "store").prepare()
    clock = Clock()
    observer = Leases(store.root / "leases", clock)
    paused = taken(store.leases.take(KEY))
    text = paused.text
    on_another_machine(paused)
    observer.take(KEY)
    clock.now += EXPIRY + 1
    new = taken(observer.take(KEY))
    paused.path.write_text(text)  # its own file again: the newer number counts all the same
    assert not paused.is_held
    with store.staging(KEY) as folder:
        (folder / "rows").write_text("late")
        with pytest.raises(LeaseLost):
            store.publish(STAGE, folder, {}, {}, paused)
    assert store.keys() == []
    with store.staging(KEY) as folder:
        (folder / "rows").write_text("in time")
        store.publish(STAGE, folder, {}, {}, new)
    assert (store.artifact(KEY).path / "rows").read_text() == "in time"


def test_a_running_holder_is_told_that_its_lease_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "HEARTBEAT", 0.01)
    lost = threading.Event()
    with Leases(tmp_path).hold(KEY, lost.set) as lease:
        (taken(lease).path.parent / "2").write_text("{}")
        assert lost.wait(60)
    assert (tmp_path / KEY / "2").exists()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"host": 1}', "null"])
def test_a_damaged_lease_is_held_until_it_expires(tmp_path: Path, content: str) -> None:
    lease = taken(Leases(tmp_path).take(KEY))
    lease.path.write_text(content)
    clock = Clock()
    observer = Leases(tmp_path, clock)
    assert isinstance(observer.take(KEY), HeldElsewhere)
    clock.now += EXPIRY + 1
    assert taken(observer.take(KEY)).is_held


def test_many_processes_take_each_lease_once(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from xstilts.core.leases import Lease, Leases\n"
        "leases = Leases(Path(sys.argv[1]))\n"
        "for number in range(200):\n"
        "    if isinstance(leases.take(str(number)), Lease): print(number)\n"
        "print('end', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    processes = [subprocess.Popen(command, **pipes) for _ in range(4)]  # type: ignore[call-overload]
    outputs = [list(takewhile("end\n".__ne__, process.stdout)) for process in processes]
    for process in processes:  # only now: leases of an ended process are taken over
        process.communicate()
    numbers = [int(line) for output in outputs for line in output]
    assert sorted(numbers) == list(range(200))


def test_published_files_have_the_permissions_of_the_umask(tmp_path: Path) -> None:
    store = Store(tmp_path / "store").prepare()
    before = os.umask(0o027)
    try:
        with store.staging(KEY) as folder:
            (folder / "weights").touch(0o600)
            store.publish(STAGE, folder, {}, {})
    finally:
        os.umask(before)
    mode = (store.artifact(KEY).path / "weights").stat().st_mode
    assert stat.S_IMODE(mode) == 0o640


@pytest.mark.parametrize(
    "change", [b"\xff", b"{}", b"null", b"[" * 99999, b'{"since": 1e300}', None]
)
def test_a_garbled_lease_names_nobody_and_ends(tmp_path: Path, change: bytes | None) -> None:
    clock = Clock()
    lease = taken(Leases(tmp_path).take(KEY))
    lease.path.write_bytes(
        change or lease.path.read_bytes().replace(b'"process": ', b'"process": 1')
    )
    assert not lease.is_held
    observer = Leases(tmp_path, clock)
    held = observer.take(KEY)
    assert isinstance(held, HeldElsewhere)
    assert held.text == "another process"
    clock.now += EXPIRY + 1
    assert taken(observer.take(KEY)).is_held


def test_a_file_or_folder_under_a_lease_s_name_is_replaced(tmp_path: Path) -> None:
    (tmp_path / KEY / "3").mkdir(parents=True)
    with Leases(tmp_path).hold(KEY) as lease:
        assert taken(lease).path.name == "4"
    assert list(tmp_path.iterdir()) == []
    (tmp_path / KEY).write_text("")
    with Leases(tmp_path).hold(KEY) as lease:
        assert taken(lease).is_held


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("ends", [False, True])
def test_a_process_that_proc_does_not_show_holds_its_lease_until_it_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ends: bool
) -> None:
    code = (
        "import sys; from pathlib import Path; from xstilts.core.leases import Leases\n"
        f"print(Leases(Path(sys.argv[1])).take('{KEY}'), flush=True); sys.stdin.read()"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    holder = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], **pipes)  # type: ignore[call-overload]
    try:
        holder.stdout.readline()
        if ends:
            holder.communicate()
        monkeypatch.setattr(leases, "_started", lambda _: "")  # as with hidepid=2
        assert isinstance(Leases(tmp_path).take(KEY), Lease if ends else HeldElsewhere)
    finally:
        holder.communicate()
