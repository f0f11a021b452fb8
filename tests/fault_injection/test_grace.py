"""R6: a training that is asked to stop loses no finished step, whatever grace it is given."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from xstilts.config.load import LoadedExperiment
from xstilts.core.stage import Stage
from xstilts.core.stopping import STOPPED
from xstilts.core.store import Store
from xstilts.executors import worker
from xstilts.executors.base import ExecutorOptions
from xstilts.executors.drain import write_plan
from xstilts.executors.submission import Submission
from xstilts.planning.compile import compile_experiment
from xstilts.testing.kill_storm import child_processes
from xstilts.testing.toy_stages import install_toy_stages, toy_plan
from xstilts.testing.waiting import wait_until
from xstilts.training import run as training_run

GRACES = (1, 5, 30)
LONG = "recipes.target.epochs=3000"
COUNT_STEPS = """
import os
from xstilts.core import fault_injection

def fault(point):
    if point == "train.step":
        with open(os.environ["TOY_STEPS"], "ab", buffering=0) as file:
            file.write(b".")

fault_injection.fault = fault
"""


def long_training(one: LoadedExperiment) -> Stage:
    target = one.experiment.recipes.target.model_copy(
        update={"epochs": 3000.0, "checkpoint_minutes": 60.0}
    )
    recipes = one.experiment.recipes.model_copy(update={"target": target})
    loaded = replace(one, experiment=one.experiment.model_copy(update={"recipes": recipes}))
    stages = compile_experiment(loaded).plan.stages
    return next(stage for stage in stages if stage.kind == "train")


def saved_step(store: Path) -> int:
    """The step of the newest checkpoint."""
    names = [path.name for path in store.glob("checkpoints/*/step-*")]
    return max((int(name.removeprefix("step-")) for name in names), default=0)


def steps(log: Path) -> int:
    """How many steps were begun."""
    return log.stat().st_size if log.exists() else 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
def test_a_worker_that_gets_a_signal_loses_at_most_the_step_it_is_in(
    number: signal.Signals, one: LoadedExperiment, unbroken: Store,
    copy_of: Callable[[Store], Store], tmp_path: Path,
) -> None:  # fmt: skip
    store, stage, log = copy_of(unbroken), long_training(one), tmp_path / "steps"
    messages = tmp_path / "messages"
    pid = os.fork()
    if pid == 0:
        training_run.fault = lambda _: log.open("ab").write(b".")  # type: ignore[assignment]
        worker._handle_signals()
        with messages.open("w") as file:
            worker.run_stage(store, stage, lambda message: file.write(json.dumps(message) + "\n"))
        os._exit(0)
    wait_until(lambda: steps(log) > 5)
    os.kill(pid, number)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert json.loads(messages.read_text().splitlines()[-1])["event"] == "stopped"
    assert saved_step(store.root) >= steps(log) - 1 > 4


@pytest.mark.faults
@pytest.mark.parametrize("grace", GRACES)
def test_a_command_that_is_killed_after_its_grace_loses_at_most_one_step(
    grace: int, toy_file: Path, tmp_path: Path
) -> None:
    """As a batch system: SIGTERM to all processes, then SIGKILL to those that are left."""
    (tmp_path / "sitecustomize.py").write_text(COUNT_STEPS)
    store, log = tmp_path / "store", tmp_path / "steps"
    command = [sys.executable, "-m", "xstilts", "run", str(toy_file), "--store", str(store)]
    for change in ("seeds=[0]", "intermediate=[none]", "targets=[toy-kind]", LONG):
        command += ["--set", change]
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": path, "TOY_STEPS": str(log)}
    with subprocess.Popen(
        [*command, "--workers", "1"], env=environment, start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        wait_until(lambda: steps(log) > 20)
        os.killpg(process.pid, signal.SIGTERM)
        started = time.monotonic()
        while process.poll() is None and time.monotonic() - started < grace:
            time.sleep(0.01)
        seconds, code = time.monotonic() - started, process.poll()
        if code is None:
            os.killpg(process.pid, signal.SIGKILL)
        errors = process.communicate()[1].decode()
    print(f"grace {grace} s: ended after {seconds:.2f} s with {code}, {steps(log)} steps, "
          f"checkpoint at {saved_step(store)}")  # fmt: skip
    assert "Traceback" not in errors
    assert code in ((130,) if grace > 1 else (130, None))
    assert saved_step(store) >= steps(log) - 1


def test_a_drain_that_is_stopped_exits_with_75_and_leaves_no_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = [str(install_toy_stages(tmp_path / "installed")), os.environ.get("PYTHONPATH", "")]
    logs, store = tmp_path / "logs", Store(tmp_path / "store").prepare()
    logs.mkdir()  # without a gate: the stage does not end
    plan = toy_plan(1, logs, 0)
    command = [sys.executable, "-m", "xstilts.executors.drain", str(store.root)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path)}
    with subprocess.Popen(
        [*command, str(write_plan(store, plan))], env=environment, stdout=subprocess.DEVNULL
    ) as process:
        wait_until(lambda: list(logs.iterdir()))
        (child,) = child_processes(process.pid)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == STOPPED == 75
    assert not Path(f"/proc/{child}").exists()
    assert store.keys() == []


def test_a_signal_to_every_process_of_a_job_is_no_death_of_its_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker ends at once, before the drain: its stage saves no checkpoints."""
    path = [str(install_toy_stages(tmp_path / "installed")), os.environ.get("PYTHONPATH", "")]
    logs, store = tmp_path / "logs", Store(tmp_path / "store").prepare()
    logs.mkdir()
    plan = toy_plan(1, logs, 0)
    submission = Submission.create(store.root, ExecutorOptions(), plan.by_key)
    command = [sys.executable, "-m", "xstilts.executors.drain", str(store.root)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path)}
    with subprocess.Popen(
        [*command, str(write_plan(store, plan)), submission.name], env=environment,
        stdout=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        wait_until(lambda: list(logs.iterdir()))
        (child,) = child_processes(process.pid)
        os.kill(child, signal.SIGTERM)
        wait_until(lambda: not Path(f"/proc/{child}").exists() or is_zombie(child))
        time.sleep(0.2)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == STOPPED
    assert not list(submission.folder.glob("*.died.*"))


def is_zombie(process: int) -> bool:
    """Whether a process has ended and nobody has waited for it."""
    return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
