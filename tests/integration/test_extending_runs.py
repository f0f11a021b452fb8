"""The examples of docs/extending/executor.md and tracker.md, as they are printed there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import xstilts
from xstilts.config.load import LoadedExperiment
from xstilts.core.errors import XstiltsError
from xstilts.core.stage import Stage
from xstilts.core.store import Store
from xstilts.executors import EXECUTORS, worker
from xstilts.executors.events import Event
from xstilts.trackers import TRACKERS

DOCS = Path(__file__).parents[2] / "docs" / "extending"


def example(page: str) -> dict[str, Any]:
    """The names that the first Python block of a page defines."""
    block = re.findall(r"```python\n(.*?)```", (DOCS / page).read_text(), re.DOTALL)[0]
    names: dict[str, Any] = {"__name__": "example"}
    exec(compile(block, page, "exec"), names)
    return names


def file_digests(store: Path) -> dict[str, list[str]]:
    """Key → digests of the artifact's files."""
    found, keys = {}, Store(store).keys()
    for key in keys:
        files = Store(store).artifact(key).manifest["files"]
        found[key] = [files[name]["sha256"] for name in sorted(files)]
    return found


@pytest.fixture(scope="module", autouse=True)
def _registered() -> None:
    """Both examples, once: a name can be registered only once."""
    executor = example("executor.md")["InProcessExecutor"]
    tracker = example("tracker.md")["PrintTracker"]
    assert EXECUTORS.get("in-process") is executor
    assert TRACKERS.get("print") is tracker


def test_the_example_executor_gives_the_results_of_the_local_one(
    small: LoadedExperiment, finished: Path, tmp_path: Path
) -> None:
    events: list[Event] = []
    store = tmp_path / "store"
    result = xstilts.run(small, store, executor="in-process", on_event=events.append)
    assert result.exit_code == 0
    assert file_digests(store) == file_digests(finished)
    done = [event.stage.key for event in events if event.kind == "done"]
    assert done == result.done
    assert set(done) == set(Store(store).keys())
    assert xstilts.run(small, store, executor="in-process").done == []


@pytest.mark.usefixtures("in_process")
def test_the_example_executor_skips_what_needs_a_diverged_training(
    toy_file: Path, tmp_path: Path
) -> None:
    rate = ("recipes.intermediate.learning_rate=1e30", "recipes.intermediate.warmup_ratio=0")
    names = ("seeds=[0]", "intermediate=[toy-same]", "targets=[toy-kind]")
    loaded = xstilts.load(str(toy_file), [*names, *rate])
    here = xstilts.run(loaded, tmp_path / "here", executor="in-process")
    there = xstilts.run(loaded, tmp_path / "there", workers=1)
    assert here.skipped == there.skipped
    assert here.skipped


def test_the_example_executor_chooses_a_recipe_after_a_diverged_trial(
    toy_file: Path, tmp_path: Path
) -> None:
    search = "search={learning_rate: [1.0e+30, 0.003]}"
    names = ("seeds=[0]", "intermediate=[none]", "targets=[toy-kind]", "languages=[en]")
    changes = [*names, search, "recipes.target.warmup_ratio=0"]
    loaded = xstilts.load(str(toy_file), changes)
    result = xstilts.run(loaded, tmp_path / "here", executor="in-process")
    assert (result.failed, result.skipped) == ({}, {})
    assert list(xstilts.trials(loaded, tmp_path / "here")["chosen"]) == [False, True]


def test_the_example_executor_records_any_exception_of_a_stage(
    small: LoadedExperiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_store: Store, stage: Stage, *_: object) -> None:
        raise ValueError("a defect") if stage.kind == "encoder" else XstiltsError("bad rows")

    monkeypatch.setattr(worker, "execute_stage", fail)
    result = xstilts.run(small, tmp_path / "store", executor="in-process")
    assert "ValueError: a defect" in result.failed.values()
    assert "bad rows" in result.failed.values()
    assert result.exit_code == 3
    assert result.skipped
    assert result.done == []


def test_the_example_executor_passes_on_an_exception_of_the_listener(
    small: LoadedExperiment, tmp_path: Path
) -> None:
    def listen(event: Event) -> None:
        if event.kind == "progress":
            raise ValueError("the listener's own")

    with pytest.raises(ValueError, match="the listener's own"):
        xstilts.run(small, tmp_path / "store", executor="in-process", on_event=listen)


def test_the_example_tracker_prints_losses_and_stages(
    toy_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    loaded = xstilts.load(
        str(toy_file), ["name=one", "seeds=[0]", "intermediate=[none]", "targets=[toy-kind]"]
    )
    xstilts.run(loaded, tmp_path / "store", executor="in-process", trackers=["print"])
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == "tracking one"
    assert printed[-1] == "end of the run"
    assert any(re.fullmatch(r".*: step \d+, loss \d+\.\d{3}", line) for line in printed)
    assert sum(line.endswith(": done") for line in printed) == len(Store(tmp_path / "store").keys())
