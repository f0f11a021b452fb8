"""Expected peak memory of stages against hand calculation, and its display."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import xstilts
from xstilts.api import plan_memory
from xstilts.api.plan_memory import PlanMemory
from xstilts.api.plan_summary import PlanSummary
from xstilts.cli.output.memory import memory_lines
from xstilts.models.encoder_defaults import KNOWN_ENCODERS
from xstilts.planning.memory import (
    PROCESS,
    Hardware,
    Workload,
    evaluation_memory,
    model_weights,
    rows_in_view,
    training_memory,
)

BASE = KNOWN_ENCODERS["xlm-roberta-base"]
WEIGHTS = 12 * 12 * 768**2 + (6000 + 512) * 768
GPU, CORE, CORES = Hardware(gpu=True), Hardware(), Hardware(cores=2)
WORK = Workload(tokens=32 * 50, length=50, rows=6000)
LARGE = """
name: large
encoder: xlm-roberta-large
intermediate: [none, mnli]
targets: [xnli, tatoeba]
task_languages: {tatoeba: [de]}
"""


def test_a_training_on_a_gpu_holds_weights_gradients_moments_and_activations() -> None:
    fp32 = training_memory(BASE, WORK, GPU)
    assert fp32 == PROCESS + 16 * WEIGHTS + 1600 * 12 * 72 * 768
    bf16 = training_memory(BASE, replace(WORK, bf16=True), GPU)
    assert bf16 == PROCESS + 18 * WEIGHTS + 1600 * 12 * 38 * 768


def test_cores_share_gradients_but_those_of_embeddings_and_have_shards_of_their_own() -> None:
    per_token = 12 * (72 * 768 + 8 * 12 * 50)
    one = training_memory(BASE, WORK, CORE)
    assert one == PROCESS + 20 * WEIGHTS + 700 * per_token
    assert training_memory(BASE, WORK, CORES) == one + 4 * 6000 * 768 + 700 * per_token
    small = replace(WORK, tokens=500)
    assert training_memory(BASE, small, CORES) == training_memory(BASE, small, CORE)


@pytest.mark.parametrize(
    ("tokens", "on_one", "on_two"),
    [(1024, 700, 1024), (4096, 2048, 4096), (65_536, 2800, 5600)],
)
def test_masked_lm_is_shared_in_halves_or_in_larger_shards(
    tokens: int, on_one: int, on_two: int
) -> None:
    per_token = 12 * (72 * 768 + 8 * 12 * 50)
    work = replace(WORK, tokens=tokens, masked_lm=True)
    few = replace(work, tokens=100)
    for hardware, shards in ((CORE, on_one), (CORES, on_two)):
        states = training_memory(BASE, work, hardware) - training_memory(BASE, few, CORE)
        further = hardware.cores - 1  # logits and a gradient of the embeddings
        states -= further * (12 * 256 * 6000 + 4 * 6000 * 768)
        assert states == (shards - 100) * per_token


def test_padding_slices_checkpointing_and_adapters_change_the_estimate() -> None:
    usual = training_memory(BASE, WORK, GPU)
    assert training_memory(BASE, replace(WORK, packed=False), GPU) > usual
    assert training_memory(BASE, replace(WORK, tokens=800), GPU) < usual
    assert training_memory(BASE, replace(WORK, checkpointing=True), GPU) < usual
    adapters = training_memory(BASE, replace(WORK, trained=10_000), GPU)
    assert usual - adapters == 12 * (WEIGHTS - 10_000)
    assert training_memory(BASE, replace(WORK, masked_lm=True, rows=250_002), GPU) > 2 * usual


def test_evaluation_holds_the_weights_and_one_batch_of_each_core() -> None:
    many, small = Hardware(cores=16), replace(BASE, layers=1)
    weights = 4 * model_weights(small, 6000)
    batch = 16 * 1024 * (52 * 768 + 4 * 12 * 50)
    assert evaluation_memory(small, WORK, many) == PROCESS + weights + batch
    assert evaluation_memory(small, WORK, many, states=9) > PROCESS + weights + batch
    on_gpu = evaluation_memory(BASE, WORK, GPU)
    assert on_gpu == PROCESS + 4 * WEIGHTS + 65_536 * 52 * 768


def test_weights_that_are_loaded_are_twice_in_the_memory_of_a_cpu() -> None:
    assert evaluation_memory(BASE, WORK, CORE) == PROCESS + 8 * WEIGHTS
    assert model_weights(BASE, 6000) == WEIGHTS


def test_rows_in_view_are_those_of_xnli_and_at_most_the_vocabulary() -> None:
    assert rows_in_view(130_000, 250_002) == pytest.approx(5998, rel=0.05)
    assert rows_in_view(1e12, 250_002) == 250_002


def planned(tmp_path: Path, **options: object) -> PlanSummary:
    path = tmp_path / "large.yaml"
    path.write_text(LARGE)
    return xstilts.plan(str(path), tmp_path / "store", **options)  # type: ignore[arg-type]


def test_a_plan_has_the_largest_stage_of_each_kind(tmp_path: Path) -> None:
    summary = planned(tmp_path, workers=1)
    peaks = summary.memory.peaks(summary.todo)
    assert set(peaks) == {"train", "predict", "embed"}
    for kind, stage in peaks.items():
        same = [one for one in summary.todo if one.kind == kind]
        assert summary.memory.by_key[stage.key] == max(summary.memory.by_key[s.key] for s in same)
    (line, *_) = memory_lines(summary)
    assert all(kind in line for kind in peaks)


@pytest.mark.parametrize(
    ("gigabytes", "workers", "named"),
    [(1000, 4, ""), (20, 4, "--workers 2"), (3, 4, "gradient_accumulation_steps")],
)
def test_too_little_memory_is_a_warning_that_names_what_to_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gigabytes: int, workers: int, named: str
) -> None:
    monkeypatch.setattr(plan_memory, "total_memory", lambda: gigabytes * 10**9)
    monkeypatch.setattr(plan_memory, "available_cores", lambda: 4)
    summary = planned(tmp_path, workers=workers)
    warnings = [line for line in memory_lines(summary) if line.startswith("!")]
    assert len(warnings) == bool(named)
    assert all(named in line and "train" in line for line in warnings)


def test_the_smallest_gpu_is_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    sizes = {"0": 80 * 10**9, "1": 4 * 10**9}
    monkeypatch.setattr(plan_memory, "gpu_memory", sizes.get)
    summary = planned(tmp_path)
    memory = summary.memory
    assert (memory.device, memory.workers, memory.limit) == ("GPU 1", 1, 4 * 10**9)
    assert any("GPU 1" in line for line in memory_lines(summary) if line.startswith("!"))


def test_stages_without_an_estimate_need_no_line(tmp_path: Path) -> None:
    summary = replace(planned(tmp_path), memory=PlanMemory())
    assert list(memory_lines(summary)) == []
