"""The expected memory of stages counts images."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import xstilts
from xstilts.models.encoder_defaults import KNOWN_ENCODERS
from xstilts.models.vision.tower_source import TowerSource
from xstilts.planning.compile import compile_experiment
from xstilts.planning.compiled_experiment import CompiledExperiment
from xstilts.planning.image_memory import (
    LITE0,
    ImageWork,
    StateShape,
    evaluated_examples,
    image_memory,
    state_shape,
)
from xstilts.planning.memory import Hardware
from xstilts.planning.stage_memory import peak_memory
from xstilts.testing.tiny_images import write_image_experiment

BASE, GPU, CORE = KNOWN_ENCODERS["xlm-roberta-base"], Hardware(gpu=True), Hardware()
WORK = ImageWork(examples=32, length=20, images=1, gradients=True)
FOUR = StateShape(4, 16)


def test_a_training_on_a_gpu_holds_states_a_fused_block_and_the_head() -> None:
    states = 4 * 1280 * 49 * 32 * 3
    block = 32 * (20 + 49) * 72 * 768
    weights = 16 * 768**2 + 2 * 1280 * 768
    assert image_memory(BASE, LITE0, WORK, GPU) == states + block + 20 * weights


def test_more_images_and_larger_batches_need_more_and_shards_less() -> None:
    usual = image_memory(BASE, LITE0, WORK, CORE)
    assert image_memory(BASE, LITE0, replace(WORK, images=2), CORE) > usual
    assert image_memory(BASE, LITE0, replace(WORK, examples=64), CORE) > usual
    assert image_memory(BASE, LITE0, replace(WORK, sharded=True), CORE) < usual
    assert image_memory(BASE, LITE0, replace(WORK, gradients=False), CORE) < usual / 1.3


def test_states_of_images_count_in_evaluation_batches() -> None:
    assert evaluated_examples(WORK, LITE0, CORE) == 1024 / 69
    assert evaluated_examples(WORK, StateShape(2000, 8), CORE) == 1


def test_the_states_are_those_of_the_tower() -> None:
    packaged = "efficientnet-lite0-packaged"
    assert state_shape(TowerSource(packaged, {"states": "patches"})) == LITE0
    assert state_shape(TowerSource(packaged, {"states": "patches", "grid": 3})).states == 9
    assert state_shape(TowerSource(packaged, {"states": "pooled"})) == StateShape(1, 1280)
    assert state_shape(TowerSource("a/b", {"states": "patches"})) == StateShape(196, 768)


def test_trainings_and_predictions_with_images_need_more_than_their_controls(
    tmp_path: Path,
) -> None:
    path = write_image_experiment(tmp_path)
    tasks = ("toy-colour", "toy-colour-without-image")
    loaded = xstilts.load(
        str(path), [f"targets=[{', '.join(tasks)}]", "intermediate=[none]", "seeds=[0]"]
    )
    part = CompiledExperiment(loaded, compile_experiment(loaded))
    peaks = peak_memory(part, CORE)
    for kind in ("train", "predict"):
        with_images, control = (
            next(
                peaks[stage.key]
                for stage in part.compiled.plan.stages
                if stage.kind == kind and stage.label.split()[1] == task
            )
            for task in tasks
        )
        assert with_images > control
    folder = TowerSource("tower", {"states": "patches"}, path.parent / "tower")
    assert state_shape(folder) == FOUR
