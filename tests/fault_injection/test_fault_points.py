"""R2, R5: killed at any point, or refused by the system at any point, a run loses nothing."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from xstilts.config.load import LoadedExperiment
from xstilts.core import fault_injection
from xstilts.core.dropped import is_dropped
from xstilts.core.fault_injection import DROP_POINTS, EXPORT_POINTS, GC_POINTS, POINTS
from xstilts.core.store import Store
from xstilts.executors.base import RunResult
from xstilts.testing.equal_artifacts import check_equal_artifacts

Run = Callable[..., RunResult]
InChild = Callable[[Callable[[], object]], int]
FURTHER = [pytest.param(number, marks=pytest.mark.faults) for number in (1, 3, 4)]
ACTIONS = {"denied": "Permission denied", "io": "Input/output", "full": r"full.* about [\d.]+ MB"}
WRITING = [point for point in POINTS if point.startswith(("store.", "checkpoint."))]
QUICK = [("store.before_manifest", "denied"), ("checkpoint.before_rename", "full")]
ERRORS = [
    (point, action) if (point, action) in QUICK
    else pytest.param(point, action, marks=pytest.mark.faults)
    for point in WRITING for action in ACTIONS
]  # fmt: skip


def test_every_point_in_the_code_is_one_that_is_tested() -> None:
    files = Path(fault_injection.__file__).parents[1].rglob("*.py")
    named = re.compile(r'\bfault\("([a-z_.]+)"\)')
    texts = (file.read_text(encoding="utf-8") for file in files if "fault_inj" not in file.name)
    tested = {*POINTS, *DROP_POINTS, *GC_POINTS, *EXPORT_POINTS}
    assert {point for text in texts for point in named.findall(text)} == tested


@pytest.mark.parametrize("number", [2, *FURTHER])
@pytest.mark.parametrize("point", POINTS)
def test_a_run_killed_at_any_point_ends_in_the_same_bytes(
    point: str, number: int, one: LoadedExperiment, unbroken: Store, tmp_path: Path,
    inject: Callable[[str], None], in_child: InChild, run_in_process: Run,
) -> None:  # fmt: skip
    inject(f"{point}:kill@{number}")
    assert in_child(lambda: run_in_process(one, tmp_path)) == -signal.SIGKILL
    inject("")
    assert run_in_process(one, tmp_path).exit_code == 0
    check_equal_artifacts(Store(tmp_path), unbroken)
    assert (
        list((tmp_path / "checkpoints").iterdir()) == list((tmp_path / "staging").iterdir()) == []
    )


@pytest.mark.parametrize("point", DROP_POINTS)
def test_a_run_killed_while_it_drops_files_ends_in_the_same_store(
    point: str, one: LoadedExperiment, unbroken: Store, tmp_path: Path,
    inject: Callable[[str], None], in_child: InChild, run_in_process: Run,
) -> None:  # fmt: skip
    experiment = one.experiment.model_copy(update={"keep_weights": "none"})
    dropping = replace(one, experiment=experiment)
    inject(f"{point}:kill")
    assert in_child(lambda: run_in_process(dropping, tmp_path)) == -signal.SIGKILL
    inject("")
    assert run_in_process(dropping, tmp_path).exit_code == 0
    store = Store(tmp_path)
    dropped = [key for key in store.names("artifacts") if is_dropped(store.artifact(key))]
    assert {store.artifact(key).manifest["stage"]["kind"] for key in dropped} == {"train"}
    assert not any((store.artifact(key) / "body.safetensors").exists() for key in dropped)
    assert store.keys() == unbroken.keys()
    for key in store.names("artifacts"):
        made, expected = store.artifact(key).manifest, unbroken.artifact(key).manifest
        assert (made["files"], made["facts"]) == (expected["files"], expected["facts"])


@pytest.mark.parametrize(("point", "action"), ERRORS)
def test_an_error_of_the_system_at_any_point_is_named_and_leaves_no_half_artifact(
    point: str, action: str, one: LoadedExperiment, unbroken: Store, tmp_path: Path,
    inject: Callable[[str], None], run_in_process: Run,
) -> None:  # fmt: skip
    inject(f"{point}:{action}@2")
    broken = run_in_process(one, tmp_path)
    (problem,) = broken.failed.values()
    assert broken.exit_code == 4
    assert re.search(ACTIONS[action], problem)
    assert re.search(r"→ (fix|free)", problem)
    store = Store(tmp_path)
    for key in store.names("artifacts"):
        store.artifact(key).check_digests()
    inject("")
    assert run_in_process(one, tmp_path).exit_code == 0
    check_equal_artifacts(store, unbroken)
