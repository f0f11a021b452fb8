"""Running, re-running, changing and repairing an experiment, through the Python API."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import xstilts
from xstilts.analysis.run_states import RunState, has_state
from xstilts.api.results import result_notes
from xstilts.config.load import LoadedExperiment
from xstilts.core.errors import ConfigError
from xstilts.core.plan import StageState
from xstilts.core.store import Store
from xstilts.executors.base import RunResult
from xstilts.executors.events import Event
from xstilts.metrics import METRICS
from xstilts.metrics.base import Metric

Run = Callable[..., RunResult]


def changed(toy_file: Path, *overrides: str) -> LoadedExperiment:
    base = ["name=small", "seeds=[0]", "intermediate=[none, toy-same]"]
    return xstilts.load(str(toy_file), [*base, "targets=[toy-kind, toy-search]", *overrides])


def scores(loaded: LoadedExperiment, store: Path) -> dict[tuple[str, ...], float]:
    frame = xstilts.results(loaded, store)
    keys = zip(
        frame["intermediate"], frame["target"], frame["language"], frame["metric"], strict=True
    )
    return dict(zip(keys, frame["value"], strict=True))


def test_the_toy_experiment_learns_english_better_than_the_unseen_language(
    small: LoadedExperiment, finished: Path
) -> None:
    found = scores(small, finished)
    assert found["none", "toy-kind", "en", "accuracy"] > 0.6  # chance is a third
    assert found["none", "toy-kind", "xx", "accuracy"] < found["none", "toy-kind", "en", "accuracy"]
    frame = xstilts.results(small, finished)
    assert set(frame["intermediate"]) == {"none", "toy-same"}
    assert set(frame["split"]) == {"test"}
    assert frame["value"].between(0, 1).all()
    assert (frame["n"] > 0).all()
    assert frame["key"].str.len().eq(64).all()


def test_a_second_run_starts_no_stage(small: LoadedExperiment, finished: Path) -> None:
    events: list[Event] = []
    outcome = xstilts.run(small, finished, workers=1, on_event=events.append)
    assert (outcome.done, outcome.failed, events) == ([], {}, [])
    assert xstilts.plan(small, finished).seconds == 0


def test_two_fresh_runs_give_the_same_predictions(
    toy_file: Path, finished: Path, tmp_path: Path
) -> None:
    """With one worker and with two; the second run is a part of the first one."""
    part = changed(toy_file, "targets=[toy-search]")
    assert xstilts.run(part, tmp_path / "store", workers=2).exit_code == 0
    one, other = Store(finished), Store(tmp_path / "store")
    made = other.keys()
    assert {stage.key for stage in xstilts.plan(part, finished).compiled.plan.stages} == set(made)
    for key in made:
        left, right = (store.artifact(key).manifest["files"] for store in (one, other))
        assert left == right, one.artifact(key).manifest["stage"]["label"]


def test_the_plan_explains_why_a_stage_runs_again(toy_file: Path, copied: Path) -> None:
    outlook = xstilts.plan(changed(toy_file, "recipes.target.learning_rate=0.006"), copied)
    todo = {stage.label: outlook.statuses[stage.key].why for stage in outlook.todo}
    assert todo["train toy-kind (baseline) seed 0"] == "changed: params.recipe.learning_rate"
    assert not any(label.startswith(("prepare", "encoder", "train toy-same")) for label in todo)
    assert outlook.seconds > 0


@pytest.mark.parametrize("name", ["accuracy", "accuracy_at_1"])
def test_a_new_metric_version_reruns_scores_only(
    small: LoadedExperiment, copied: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    newer, get = replace(METRICS.get(name), version=9), METRICS.get

    def get_newer(name: str, *, where: str | None = None) -> Metric:
        return newer if name == newer.name else get(name, where=where)

    monkeypatch.setattr(METRICS, "get", get_newer)
    kinds = {stage.kind for stage in xstilts.plan(small, copied).todo}
    assert kinds == {"score"}


def test_a_damaged_artifact_is_rebuilt(
    small: LoadedExperiment, copied: Path, run_in_process: Run
) -> None:
    store = Store(copied)
    before = scores(small, copied)
    train = next(
        s
        for s in xstilts.plan(small, copied).compiled.plan.stages
        if s.label.startswith("train toy-kind after")
    )
    weights = store.artifact(train.key) / "body.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    predicted = [
        s
        for s in xstilts.plan(small, copied).compiled.plan.stages
        if train.key in s.inputs.values()
    ]
    for stage in predicted:
        store.quarantine(stage.key)
    notes: list[str] = []
    outcome = run_in_process(
        small, copied,
        on_event=lambda e: notes.append(e.facts["problem"]) if e.kind == "note" else None,
    )  # fmt: skip
    assert outcome.exit_code == 0
    assert "differs from the published file" in notes[0]
    assert scores(small, copied) == before


def test_a_failed_stage_skips_only_its_dependents(
    toy_file: Path, tmp_path: Path, run_in_process: Run
) -> None:
    loaded = xstilts.load(
        str(toy_file),
        ["seeds=[0]", "intermediate=[none]", "targets=[toy-kind, toy-search]",
         f"tasks.toy-kind.files={tmp_path}/{{split}}-{{language}}.tsv"],
    )  # fmt: skip
    for split in ("train", "dev", "test"):
        source = toy_file.parent / "data" / f"kind-{split}-en.tsv"
        (tmp_path / f"{split}-en.tsv").write_text(source.read_text())
    (tmp_path / "test-xx.tsv").write_text("no label here\n")
    outcome = run_in_process(loaded, tmp_path / "store")
    assert outcome.exit_code == 3  # all others ran
    (problem,) = outcome.failed.values()
    assert "test-xx.tsv:1: wrong number of columns: 1 cell, expected 2" in problem
    assert len(outcome.skipped) == 2  # predict and score of that language
    frame = xstilts.results(loaded, tmp_path / "store")
    assert {("toy-kind", "en"), ("toy-search", "xx")} == set(
        zip(frame["target"], frame["language"], strict=True)
    )

    (tmp_path / "test-xx.tsv").write_text(
        (toy_file.parent / "data" / "kind-test-xx.tsv").read_text()
    )
    again = run_in_process(loaded, tmp_path / "store")
    assert again.exit_code == 0
    assert len(again.done) == 3


def test_blank_gold_is_predicted_but_not_scored(
    toy_file: Path, tmp_path: Path, run_in_process: Run
) -> None:
    for split, language in (("train", "en"), ("dev", "en"), ("test", "en"), ("test", "xx")):
        text = (toy_file.parent / "data" / f"kind-{split}-{language}.tsv").read_text()
        if language == "xx":
            text = "".join(line.split("\t")[0] + "\t\n" for line in text.splitlines())
        (tmp_path / f"{split}-{language}.tsv").write_text(text)
    loaded = xstilts.load(
        str(toy_file),
        ["seeds=[0]", "intermediate=[none]", "targets=[toy-kind]",
         f"tasks.toy-kind.files={tmp_path}/{{split}}-{{language}}.tsv"],
    )  # fmt: skip
    outcome = run_in_process(loaded, tmp_path / "store")
    (problem,) = outcome.failed.values()
    assert "gold labels" in problem
    assert "not scored" in problem
    frame = xstilts.results(loaded, tmp_path / "store")
    assert set(frame["language"]) == {"en"}
    for given in (loaded, None):
        frame = xstilts.results(given, tmp_path / "store")
        (notes,) = result_notes(frame, given, tmp_path / "store").values()
        assert notes == [
            "the gold labels of toy-kind test xx are blank or all the same: not scored (1 of 2 "
            "scores)"
        ]


def test_a_diverged_run_has_no_score(toy_file: Path, tmp_path: Path, run_in_process: Run) -> None:
    loaded = xstilts.load(
        str(toy_file),
        ["seeds=[0]", "intermediate=[none, toy-same]", "targets=[toy-kind, toy-search]",
         "recipes.intermediate.learning_rate=1e30", "recipes.intermediate.warmup_ratio=0"],
    )  # fmt: skip
    outcome = run_in_process(loaded, tmp_path / "store")
    assert outcome.exit_code == 0
    assert all("diverged" in why for why in outcome.skipped.values())
    frame = xstilts.results(loaded, tmp_path / "store")
    after = frame[frame["intermediate"] == "toy-same"]
    assert has_state(after, RunState.DIVERGED).all()
    assert after["value"].isna().all()
    assert frame[frame["intermediate"] == "none"]["value"].notna().all()
    gains = xstilts.gains(loaded, tmp_path / "store")
    assert len(gains) == 7  # accuracy of toy-kind; accuracy@1, MRR, each way of toy-search
    assert gains["gain"].isna().all()
    outlook = xstilts.plan(loaded, tmp_path / "store")
    assert outlook.todo == []
    assert StageState.BLOCKED in {status.state for status in outlook.statuses.values()}
    assert run_in_process(loaded, tmp_path / "store").done == []


def test_retrieval_uses_the_configured_layer(toy_file: Path, copied: Path) -> None:
    one, other = (
        xstilts.plan(changed(toy_file, f"retrieval.layer={layer}"), copied) for layer in (0, 2)
    )
    assert {s.kind for s in one.todo} == {"embed", "search", "score"}
    assert {s.key for s in one.todo}.isdisjoint({s.key for s in other.todo})
    with pytest.raises(ConfigError, match=r"no layer 7.*has 2 layers"):
        xstilts.plan(changed(toy_file, "retrieval.layer=7"), copied)


def test_a_prompt_that_leaves_no_room_for_the_sentences_is_refused(
    toy_file: Path, copied: Path, run_in_process: Run
) -> None:
    loaded = changed(toy_file, f"retrieval.prompt={'the cat is here ' * 300!r}")
    failed = run_in_process(loaded, copied).failed
    assert failed
    assert all("the prompt takes" in problem for problem in failed.values())


def test_evaluation_batch_size_and_workers_are_not_in_keys(
    small: LoadedExperiment, finished: Path
) -> None:
    for workers in (1, 2, 7):
        assert xstilts.plan(small, finished, workers=workers).todo == []


def test_manifests_record_provenance(small: LoadedExperiment, finished: Path) -> None:
    store = Store(finished)
    for key in store.keys():  # noqa: SIM118
        manifest = store.artifact(key).manifest
        assert manifest["key"] == key
        assert manifest["provenance"]["seconds"] >= 0
        assert json.loads(json.dumps(manifest)) == manifest
    vectors = [path for key in store.keys() for path in store.artifact(key).path.glob("*.npy")]  # noqa: SIM118
    made = [np.load(path, allow_pickle=False) for path in vectors]
    assert made
    assert all(array.dtype == np.float32 and np.isfinite(array).all() for array in made)


def test_gains_compare_with_the_baseline(small: LoadedExperiment, finished: Path) -> None:
    gains = xstilts.gains(small, finished)
    found = scores(small, finished)
    row = gains[gains["target"] == "toy-kind"].iloc[0]
    expected = (
        found["toy-same", "toy-kind", "xx", "accuracy"]
        - found["none", "toy-kind", "xx", "accuracy"]
    )
    assert row["gain"] == pytest.approx(expected)
    assert row["low"] <= row["gain"] <= row["high"]
    mrr = gains[gains["metric"] == "mrr"].iloc[0]
    assert math.isnan(mrr["p"])
