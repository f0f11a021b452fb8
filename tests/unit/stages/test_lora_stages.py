"""Stages with adapters: what they store, how they follow each other, what reads them."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import xstilts
from xstilts.config.load import LoadedExperiment
from xstilts.core import fault_injection
from xstilts.core.artifact import Artifact
from xstilts.core.errors import StoreError
from xstilts.core.stage import Stage
from xstilts.core.store import Store
from xstilts.executors.worker import execute_stage
from xstilts.models import adapter_files
from xstilts.models.encoder_files import BODY, HEADS, ROWS, EncoderFiles
from xstilts.planning.compile import compile_experiment
from xstilts.stages.train import LOG

Run = Callable[[LoadedExperiment, Path], Store]
ADAPTERS = {"adapters.json", "adapters.safetensors", HEADS, LOG}
LORA = "lora={r: 2, alpha: 8}"
STILL = "recipes.target.learning_rate=1.0e-12"
"""The target's training leaves the encoder as it was, so that its base can be compared."""


def experiment(toy_file: Path, setting: str, *recipes: str) -> LoadedExperiment:
    short = [f"recipes.{phase}.epochs=1" for phase in ("intermediate", "target")]
    fixed = ["seeds=[0]", f"intermediate=[{setting}]", "targets=[toy-kind]", *short]
    return xstilts.load(str(toy_file), [*fixed, *(f"recipes.{recipe}" for recipe in recipes)])


def trainings(store: Store, loaded: LoadedExperiment) -> list[Artifact]:
    """The finished trainings in their order."""
    stages = compile_experiment(loaded).plan.stages
    return [store.artifact(stage.key) for stage in stages if stage.kind == "train"]


def body(store: Store, loaded: LoadedExperiment, trained: Artifact) -> dict[str, torch.Tensor]:
    return EncoderFiles(store.artifact(_encoder(loaded)).path, trained.path).body()


def assert_close(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> None:
    assert one.keys() == other.keys()
    for name, value in one.items():
        torch.testing.assert_close(value, other[name], rtol=0, atol=1e-7)


@pytest.mark.parametrize(
    ("recipes", "files"),
    [
        (["target.lora={}"], [{BODY, ROWS}, {BODY, ROWS, *ADAPTERS}]),
        (["intermediate." + LORA], [ADAPTERS, {BODY, ROWS}]),
        (["intermediate." + LORA, "target.lora={r: 4}"], [ADAPTERS, ADAPTERS]),
    ],
    ids=["lora-after-full", "full-after-lora", "lora-after-lora"],
)
def test_each_phase_starts_from_the_model_before_it(
    recipes: list[str], files: list[set[str]], toy_file: Path, tmp_path: Path, run_here: Run
) -> None:
    loaded = experiment(toy_file, "toy-same", STILL[8:], *recipes)
    store = run_here(loaded, tmp_path)
    first, second = trainings(store, loaded)
    for artifact, expected in zip((first, second), files, strict=True):
        assert set(artifact.manifest["files"]) == expected | {HEADS, LOG}
    bodies = [body(store, loaded, artifact) for artifact in (first, second)]
    assert_close(*bodies)
    root = store.artifact(first.manifest["stage"]["inputs"]["encoder"]).path
    query = "encoder.layer.1.attention.self.query.weight"
    assert (bodies[1][query] - EncoderFiles(root).body()[query]).abs().max() > 1e-3


def test_a_chain_of_a_mixture_with_adapters_merges_them_in_order(
    toy_file: Path, tmp_path: Path, run_here: Run
) -> None:
    recipes = ["intermediate." + LORA, "target.lora={r: 4}", "target.learning_rate=3e-3"]
    loaded = experiment(toy_file, "'toy-same > toy-same+toy-tags'", *recipes)
    store = run_here(loaded, tmp_path)
    tensors = [load_file(part.path / "adapters.safetensors") for part in trainings(store, loaded)]
    assert [len({name[0] for name in part}) for part in tensors] == [1, 2, 3]
    for earlier, later in pairwise(tensors):
        assert all(later[name].equal(value) for name, value in earlier.items())
    assert len(tensors[2]["2.encoder.layer.0.attention.self.query.A"]) == 4


def test_readers_need_no_earlier_artifact(toy_file: Path, tmp_path: Path, run_here: Run) -> None:
    """Also where the disk has no hard links."""
    loaded = experiment(toy_file, "toy-same", "target.lora={}")
    store = run_here(loaded, tmp_path / "store")
    first, second = trainings(store, loaded)
    (predict,) = [
        stage
        for stage in compile_experiment(loaded).plan.stages
        if stage.kind == "predict" and stage.label.endswith("en seed 0")
    ]
    before = store.artifact(predict.key).manifest["files"]
    shutil.rmtree(first.path)
    shutil.rmtree(store.artifact(predict.key).path)
    assert execute_stage(store, predict, lambda _: None).manifest["files"] == before
    second.check_digests()


def test_weights_before_adapters_take_no_further_disk(
    toy_file: Path, tmp_path: Path, run_here: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = experiment(toy_file, "toy-same", "target.lora={}")
    linked = run_here(loaded, tmp_path / "linked")
    first, second = trainings(linked, loaded)
    assert (first / BODY).samefile(second / BODY)

    def refuse(*_: object) -> None:
        raise OSError("no hard links on this disk")

    monkeypatch.setattr(adapter_files.os, "link", refuse)
    copied = run_here(loaded, tmp_path / "copied")
    files = [store.artifact(second.key).manifest["files"] for store in (linked, copied)]
    assert files[0] == files[1]


def test_adapters_train_no_embeddings(toy_file: Path, tmp_path: Path, run_here: Run) -> None:
    loaded = experiment(toy_file, "toy-same", "target.lora={}", "target.weight_decay=0.5")
    store = run_here(loaded, tmp_path)
    first, second = trainings(store, loaded)
    root = store.artifact(first.manifest["stage"]["inputs"]["encoder"]).path
    rows = [EncoderFiles(root, part.path).embeddings(torch.arange(160)) for part in (first, second)]
    assert rows[0].equal(rows[1])
    loaded = experiment(toy_file, "none", "target.lora={}", "target.weight_decay=0.5")
    (alone,) = trainings(run_here(loaded, tmp_path), loaded)
    pretrained = EncoderFiles(root)
    rows = [EncoderFiles(root, alone.path).embeddings(torch.arange(160)), *rows]
    assert rows[0].equal(pretrained.full_embeddings())
    assert not rows[1].equal(pretrained.full_embeddings())


@pytest.mark.parametrize("phase", ["intermediate", "target"])
def test_masked_lm_and_adapters_follow_each_other(
    phase: str, toy_file: Path, tmp_path: Path, run_here: Run
) -> None:
    text = tmp_path / "text.tsv"
    text.write_text("the cat is here\nmy dog was there\n" * 20, encoding="utf-8")
    task = f"tasks.text={{format: masked_lm, files: {text}, splits: {{train: [en]}}}}"
    short = [f"recipes.{name}.epochs=1" for name in ("intermediate", "target")]
    fixed = ["seeds=[0]", "intermediate=[text]", "targets=[toy-kind]", task, *short, STILL]
    loaded = xstilts.load(str(toy_file), [*fixed, f"recipes.{phase}.lora={{}}"])
    store = run_here(loaded, tmp_path / "store")
    first, second = trainings(store, loaded)
    assert ("adapters.json" in first.manifest["files"]) == (phase == "intermediate")
    assert_close(*(body(store, loaded, trained) for trained in (first, second)))
    root = store.artifact(_encoder(loaded)).path
    files = [EncoderFiles(root), EncoderFiles(root, first.path), EncoderFiles(root, second.path)]
    pretrained, after_text, after_target = (one.embeddings(torch.arange(160)) for one in files)
    assert after_text.equal(pretrained) == (phase == "intermediate")
    torch.testing.assert_close(after_target, after_text, rtol=0, atol=1e-7)


def test_the_same_experiment_has_the_same_adapters(
    toy_file: Path, tmp_path: Path, run_here: Run
) -> None:
    loaded = experiment(toy_file, "none", "target." + LORA)
    files = [
        trainings(run_here(loaded, tmp_path / name), loaded)[0].manifest["files"]
        for name in ("one", "other")
    ]
    assert files[0] == files[1]


def test_recipes_without_adapters_keep_their_keys(toy_file: Path) -> None:
    def keys(*recipes: str) -> dict[str, Stage]:
        stages = compile_experiment(experiment(toy_file, "toy-same", *recipes)).plan.stages
        return {stage.label: stage for stage in stages if stage.kind == "train"}

    plain, empty, lora = keys(), keys("target.lora=null"), keys("target.lora={}")
    assert {label: stage.key for label, stage in plain.items()} == {
        label: stage.key for label, stage in empty.items()
    }
    changed = [label for label in plain if plain[label].key != lora[label].key]
    assert changed == ["train toy-kind after toy-same seed 0"]
    same = keys("target.lora={r: 8, alpha: 16, dropout: 0.0, target_modules: auto}")
    assert {stage.key for stage in same.values()} == {stage.key for stage in lora.values()}


def test_a_stage_with_adapters_that_stopped_ends_in_the_same_bytes(
    toy_file: Path, tmp_path: Path, run_here: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipes = ["target.lora={dropout: 0.1}", "target.checkpoint_minutes=1.0e-9"]
    loaded = experiment(toy_file, "none", *recipes)
    whole = run_here(loaded, tmp_path / "whole")
    monkeypatch.setattr(fault_injection, "_passes", Counter())
    monkeypatch.setenv("XSTILTS_FAULT", "train.step:full@7")
    with pytest.raises(StoreError, match="is full"):
        run_here(loaded, tmp_path / "parts")
    monkeypatch.delenv("XSTILTS_FAULT")
    checkpoints = (tmp_path / "parts" / "checkpoints").glob("*/step-6/state.safetensors")
    (checkpoint,) = checkpoints
    names = {name.partition(".")[0] for name in load_file(checkpoint)}
    assert names == {"model", "best", "optimizer", "random"}
    (expected,) = trainings(whole, loaded)
    assert checkpoint.stat().st_size < (whole.artifact(_encoder(loaded)).path / BODY).stat().st_size
    (resumed,) = trainings(run_here(loaded, tmp_path / "parts"), loaded)
    notes = resumed.manifest["provenance"]["notes"]
    assert {"adapters in 4 layers: query, value", "resumed from step 6"} <= set(notes)
    assert resumed.manifest["files"] == expected.manifest["files"]
    assert resumed.facts == expected.facts


def _encoder(loaded: LoadedExperiment) -> str:
    stages = compile_experiment(loaded).plan.stages
    return next(stage.key for stage in stages if stage.kind == "encoder")


def test_retrieval_reads_the_merged_model(toy_file: Path, tmp_path: Path, run_here: Run) -> None:
    changes = ["targets=[toy-search]", "recipes.intermediate.learning_rate=1.0e-2"]
    short = ["seeds=[0]", "intermediate=[none, toy-same]", "recipes.intermediate.epochs=1"]
    loaded = xstilts.load(str(toy_file), [*changes, *short, "recipes.intermediate.lora={}"])
    store = run_here(loaded, tmp_path)
    (trained,) = trainings(store, loaded)
    embed = [s for s in compile_experiment(loaded).plan.stages if s.kind == "embed"]
    assert {stage.inputs.get("base") for stage in embed} == {None, trained.key}
    digests = {
        stage.inputs.get("base"): store.artifact(stage.key).manifest["files"] for stage in embed
    }
    assert digests[None] != digests[trained.key]
