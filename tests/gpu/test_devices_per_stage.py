"""A training over two GPUs by NCCL against one on one GPU. Skipped with fewer than two GPUs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import xstilts
from xstilts.core.artifact import Artifact
from xstilts.core.store import Store
from xstilts.testing.tiny import write_experiment

pytestmark = pytest.mark.skipif(torch.cuda.device_count() < 2, reason="fewer than two GPUs")

RECIPE = (
    *("dropout=0", "epochs=2", "learning_rate=0.0003", "precision=fp32", "adam_epsilon=0.01"),
    "gradient_accumulation_steps=2",
)


def trained(store: Path) -> Artifact:
    opened = Store(store)
    artifacts = map(opened.artifact, opened.names("artifacts"))
    (found,) = (one for one in artifacts if one.manifest["stage"]["kind"] == "train")
    return found


def run(folder: Path, name: str, **options: object) -> Artifact:
    """The training of a toy experiment without dropout."""
    path = folder / "toy" / "toy.yaml"
    overrides = ["name=one", "seeds=[0]", "intermediate=[none]", "targets=[toy-kind]"]
    overrides += [f"recipes.target.{setting}" for setting in RECIPE]
    loaded = xstilts.load(str(path), overrides)
    result = xstilts.run(loaded, folder / name, **options)  # type: ignore[arg-type]
    assert result.exit_code == 0, result.failed
    return trained(folder / name)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("gpus")
    config = write_experiment(made / "toy").parent / "encoder" / "config.json"
    rates = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    config.write_text(json.dumps(json.loads(config.read_text()) | rates))
    return made


def test_a_training_on_two_gpus_is_that_of_one(folder: Path) -> None:
    one = run(folder, "one", devices="0")
    two = run(folder, "two", devices="0,1", devices_per_stage=2)
    assert two.manifest["provenance"]["devices"] == 2
    assert two.key == one.key
    for path in one.path.glob("*.safetensors"):
        weights = load_file(two.path / path.name)
        for name, value in load_file(path).items():
            torch.testing.assert_close(weights[name], value, rtol=1e-2, atol=1e-4, msg=name)


@pytest.mark.faults
def test_a_killed_process_costs_an_attempt_and_no_hang(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XSTILTS_FAULT_RANK_1", "train.step:kill@5")
    options = {"devices": "0,1", "devices_per_stage": 2}
    with pytest.raises(AssertionError, match="process 1"):
        run(folder, "killed", **options)
