"""The file of an exported model's experiment can be run."""

from __future__ import annotations

from pathlib import Path

import pytest

import xstilts
from xstilts.analysis.run_records import experiment_config
from xstilts.config.load import presets
from xstilts.export.reproduction import experiment_text


@pytest.mark.parametrize("name", sorted(presets()))
def test_the_file_of_a_record_gives_the_recorded_experiment(name: str, tmp_path: Path) -> None:
    """Recipes of single targets are recorded with null for all that they leave as it is."""
    recorded = experiment_config(xstilts.load(name).experiment)
    file = tmp_path / "experiment.yaml"
    file.write_text(experiment_text(recorded, "0.1.0"), encoding="utf-8")
    assert experiment_config(xstilts.load(str(file)).experiment) == recorded


def test_the_file_of_a_record_that_this_version_cannot_read_has_all_its_keys() -> None:
    text = experiment_text({"name": "old", "no_such_key": 1}, "0.0.1")
    assert "no_such_key: 1" in text
