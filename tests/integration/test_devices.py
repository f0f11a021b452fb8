"""Workers of the local executor on faked GPUs: each sees only its own."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from xstilts.core.devices import VISIBLE
from xstilts.core.plan import Plan
from xstilts.core.stage import Stage
from xstilts.core.store import Store
from xstilts.executors.base import ExecutorOptions
from xstilts.executors.events import Event
from xstilts.executors.local import LocalExecutor

PACKAGE = '''
import os, signal, time
from pathlib import Path

from xstilts.stages.base import StageKind


def report(context):
    """Wait until as many stages run at the same time as there are workers, then say where."""
    meeting = Path(context.params["meeting"])
    (meeting / str(os.getpid())).touch()
    while len(list(meeting.iterdir())) < context.params["workers"]:
        time.sleep(0.02)
    return {"device": os.environ.get("CUDA_VISIBLE_DEVICES"), "pid": os.getpid()}


def die_once(context):
    """Kill the process at the first attempt, then say where the second one runs."""
    mark = Path(context.params["mark"])
    device = os.environ["CUDA_VISIBLE_DEVICES"]
    if not mark.exists():
        mark.write_text(device)
        os.kill(os.getpid(), signal.SIGKILL)
    return {"first": mark.read_text(), "device": device}


REPORT, DIE_ONCE = StageKind(1, report), StageKind(1, die_once)
'''


@pytest.fixture(autouse=True)
def _toy_kinds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two kinds of stages in an installed package, which worker processes import."""
    folder = tmp_path / "installed"
    (folder / "toy_kinds-1.dist-info").mkdir(parents=True)
    (folder / "toy_kinds.py").write_text(PACKAGE)
    (folder / "toy_kinds-1.dist-info" / "METADATA").write_text("Name: toy-kinds\nVersion: 1\n")
    (folder / "toy_kinds-1.dist-info" / "entry_points.txt").write_text(
        "[xstilts.stages]\nreport = toy_kinds:REPORT\ndie_once = toy_kinds:DIE_ONCE\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(folder), prepend=":")


def devices_of_workers(tmp_path: Path, stages: int, options: ExecutorOptions) -> Counter[str]:
    """Device → how many worker processes ran on it."""
    store, meeting = Store(tmp_path / "store").prepare(), tmp_path / "meeting"
    meeting.mkdir()
    executor = LocalExecutor(store, options)
    params = {"meeting": str(meeting), "workers": len(executor.devices)}
    plan = Plan.of(Stage("report", 1, {**params, "n": n}, label=str(n)) for n in range(stages))
    result = executor.run(plan, lambda _: None)
    assert len(result.done) == stages, result
    found = {facts["pid"]: facts["device"] for facts in _facts(store, plan)}
    return Counter(found.values())


def _facts(store: Store, plan: Plan) -> list[dict[str, str]]:
    return [store.artifact(stage.key).facts for stage in plan.stages]


def test_each_worker_has_a_gpu_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VISIBLE, "3,GPU-bb,7")
    found = devices_of_workers(tmp_path, 6, ExecutorOptions())
    assert found == {"3": 1, "GPU-bb": 1, "7": 1}


def test_more_workers_than_gpus_share_them_in_turn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VISIBLE, "0,1")
    found = devices_of_workers(tmp_path, 3, ExecutorOptions(workers=3))
    assert found == {"0": 2, "1": 1}


def test_the_option_chooses_the_devices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VISIBLE, "4,5")
    assert devices_of_workers(tmp_path, 2, ExecutorOptions(devices="1")) == {"5": 1}


def test_on_the_cpu_no_gpu_is_visible(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VISIBLE, "0,1")
    found = devices_of_workers(tmp_path, 2, ExecutorOptions(workers=2, devices="cpu"))
    assert found == {"": 2}


def test_a_worker_that_died_is_restarted_on_its_device(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VISIBLE, "6,9")
    store, meeting = Store(tmp_path / "store").prepare(), tmp_path / "meeting"
    meeting.mkdir()
    dying = Stage("die_once", 1, {"mark": str(tmp_path / "mark")}, label="dying")
    params = {"meeting": str(meeting), "workers": 1, "n": 0}
    other = Stage("report", 1, params, label="other")
    events: list[Event] = []
    result = LocalExecutor(store, ExecutorOptions()).run(Plan.of([dying, other]), events.append)
    assert set(result.done) == {dying.key, other.key}
    assert [event.stage.label for event in events if event.kind == "note"] == ["dying"]
    first = store.artifact(dying.key).facts["first"]
    assert {first, store.artifact(other.key).facts["device"]} == {"6", "9"}
