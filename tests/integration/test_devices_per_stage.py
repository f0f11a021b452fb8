"""`devices_per_stage` on a CPU: two processes over gloo, from the option to the artifact."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import xstilts
from xstilts.config.load import LoadedExperiment
from xstilts.core.artifact import Artifact
from xstilts.core.devices import PER_STAGE
from xstilts.core.errors import ConfigError
from xstilts.core.store import Store
from xstilts.testing.tiny import write_experiment


@pytest.fixture(scope="module")
def without_dropout(tmp_path_factory: pytest.TempPathFactory) -> LoadedExperiment:
    """One training, which does not depend on random masks."""
    path = write_experiment(tmp_path_factory.mktemp("toy"))
    config = path.parent / "encoder" / "config.json"
    rates = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    config.write_text(json.dumps(json.loads(config.read_text()) | rates))
    recipe = ["dropout=0", "epochs=2", "learning_rate=0.0003"]
    return xstilts.load(
        str(path),
        [
            *("name=one", "seeds=[0]", "intermediate=[none]", "targets=[toy-kind]"),
            *(f"recipes.target.{setting}" for setting in recipe),
        ],
    )


def trained(store: Path) -> Artifact:
    """The only training of a store."""
    opened = Store(store)
    artifacts = map(opened.artifact, opened.names("artifacts"))
    (found,) = (one for one in artifacts if one.manifest["stage"]["kind"] == "train")
    return found


def test_a_training_on_two_devices_is_that_of_one(
    without_dropout: LoadedExperiment,
    tmp_path: Path,
    run_here: Callable[[LoadedExperiment, Path], Store],
) -> None:
    """Also its stage's key; the provenance alone says on how many devices it was computed."""
    run_here(without_dropout, tmp_path / "one")
    result = xstilts.run(
        without_dropout, tmp_path / "two", workers=1, devices="cpu", devices_per_stage=2
    )
    assert result.exit_code == 0, result.failed
    one, two = trained(tmp_path / "one"), trained(tmp_path / "two")
    assert one.key == two.key
    assert "devices" not in one.manifest["provenance"]
    assert two.manifest["provenance"]["devices"] == 2
    assert two.facts == one.facts
    for path in one.path.glob("*.safetensors"):
        weights = load_file(two.path / path.name)
        for name, value in load_file(path).items():
            torch.testing.assert_close(weights[name], value, rtol=1e-3, atol=1e-4, msg=name)
    assert not list((tmp_path / "two" / "staging").iterdir())


@pytest.mark.parametrize(("devices", "named"), [(0, "0 devices"), (999, "999 devices")])
def test_a_number_of_devices_that_there_is_not_is_refused_at_once(
    without_dropout: LoadedExperiment, tmp_path: Path, devices: int, named: str
) -> None:
    with pytest.raises(ConfigError, match=named) as raised:
        xstilts.plan(without_dropout, tmp_path, devices="cpu", devices_per_stage=devices)
    assert raised.value.where == PER_STAGE
