"""What a tracker is told of a run; a tiny experiment that fails in a training and is run again."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import xstilts
from xstilts.core import fault_injection
from xstilts.core.stage import Stage
from xstilts.core.store import Store
from xstilts.executors import worker
from xstilts.executors.base import RunResult
from xstilts.planning.compile import compile_experiment
from xstilts.stages.train import LOG
from xstilts.trackers.base import RunInfo


@pytest.fixture
def info(tmp_path: Path) -> RunInfo:
    """A run of the experiment `toy`."""
    return RunInfo("toy", tmp_path / "tracking" / "toy")


@dataclass(frozen=True)
class TrackedRun:
    """A finished experiment.

    Args:
        folder: of its trackers.
        logs: training stage → what its artifact's log says.
        failed: the key of the stage that failed in the first run.
        saved: step from which that stage goes on; the one after it was reported, too.
    """

    folder: Path
    logs: dict[Stage, dict[str, Any]]
    failed: str
    saved: int = 4

    def curves(self, stage: Stage) -> dict[str, Any]:
        """Curve → step → value, as the stage's log has them: rounded to six decimals."""
        log = self.logs[stage]
        curves: dict[str, dict[int, float]] = {"loss": dict(enumerate(log["losses"], 1))}
        for evaluation in log["dev"]:
            for task, score in evaluation["scores"].items():
                curves.setdefault(f"dev/{task}", {})[evaluation["step"]] = score
        return {name: pytest.approx(curve, abs=1e-6) for name, curve in curves.items()}


@pytest.fixture
def tracked_run(
    toy_file: Path,
    tmp_path: Path,
    run_in_process: Callable[..., RunResult],
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[[str], TrackedRun]:
    """Runs the experiment with the tracker of a name: two trainings, one after the other."""

    def run(tracker: str) -> TrackedRun:
        recipe = ("epochs=1", "checkpoint_minutes=1e-12")
        loaded = xstilts.load(
            str(toy_file),
            [
                *("name=tracked", "seeds=[0]", "intermediate=[toy-same]", "targets=[toy-kind]"),
                *(
                    f"recipes.{phase}.{field}"
                    for phase in ("intermediate", "target")
                    for field in recipe
                ),
            ],
        )
        store = tmp_path / "store"
        monkeypatch.setattr(worker, "REPORT_EVERY", 0.0)  # every step, not four a second
        fault_injection._passes.clear()
        with monkeypatch.context() as patch:
            patch.setenv("XSTILTS_FAULT", f"checkpoint.before_rename:io@{TrackedRun.saved + 1}")
            (failed,) = run_in_process(loaded, store, trackers=[tracker]).failed
        assert run_in_process(loaded, store, trackers=[tracker]).exit_code == 0
        stages = [one for one in compile_experiment(loaded).plan.stages if one.kind == "train"]
        artifacts = {stage: Store(store).artifact(stage.key).path for stage in stages}
        logs = {stage: json.loads((path / LOG).read_text()) for stage, path in artifacts.items()}
        return TrackedRun(store / "tracking" / "tracked", logs, failed)

    return run
