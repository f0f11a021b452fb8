"""An experiment that extends another changes its values, adds to them or removes them."""

from __future__ import annotations

from pathlib import Path

import pytest

from xstilts.config.load import LoadedExperiment, load
from xstilts.core.errors import ConfigError

BASE = """\
name: base
encoder: {name: e5-small-packaged, pooling: cls}
intermediate: [none, home-nli]
targets: [home-intents]
languages: [en, de]
limits: {train: 10, dev: 5}
recipes:
  target: {learning_rate: 1.0e-4, clip: 3, patience: 2}
  tasks:
    home-intents: {epochs: 9}
"""


def extended(folder: Path, text: str, base: str = BASE) -> LoadedExperiment:
    (folder / "base.yaml").write_text(base, encoding="utf-8")
    path = folder / "mine.yaml"
    path.write_text(f"extends: base.yaml\nname: mine\n{text}", encoding="utf-8")
    return load(str(path))


def test_null_removes_what_the_base_sets_at_any_depth(tmp_path: Path) -> None:
    text = "languages: null\nlimits: {train: ~}\nrecipes:\n  target: {patience: null, clip: null}\n"
    found = extended(tmp_path, text + "  tasks: {home-intents: null}\n").experiment
    assert found.languages == "all"
    assert (found.limits.train, found.limits.dev) == (None, 5)
    assert found.recipes.target.patience is None
    assert found.recipes.target.max_grad_norm == 1.0
    assert found.recipes.target.learning_rate == 1e-4
    assert found.recipes.tasks == {}


def test_null_removes_a_value_on_the_command_line(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text(BASE, encoding="utf-8")
    changes = ["languages=null", "recipes.tasks.home-intents=null", "limits="]
    found = load(str(tmp_path / "base.yaml"), changes).experiment
    assert (found.languages, found.recipes.tasks, found.limits.dev) == ("all", {}, None)


def test_a_removed_key_that_is_needed_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="the key 'targets' is missing"):
        extended(tmp_path, "targets: null\n")


def test_the_encoder_of_the_base_can_be_changed_by_name_and_by_setting(tmp_path: Path) -> None:
    assert extended(tmp_path, "encoder: x/y\n").experiment.encoder.pooling == "auto"
    assert extended(tmp_path, "encoder: {name: x/y}\n").experiment.encoder.pooling == "cls"
    plain = BASE.replace("{name: e5-small-packaged, pooling: cls}", "e5-small-packaged")
    found = extended(tmp_path, "encoder: {pooling: mean}\n", plain).experiment.encoder
    assert (found.name, found.pooling) == ("e5-small-packaged", "mean")


def test_errors_of_inherited_values_name_the_file_that_has_them(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as error:
        extended(tmp_path, "seeds: [0]\n", BASE.replace("train: 10", "train: ten"))
    assert str(error.value).startswith(f"{tmp_path / 'base.yaml'}:6: limits.train")
    with pytest.raises(ConfigError) as error:
        extended(tmp_path, "limits: {train: ten}\n")
    assert str(error.value).startswith(f"{tmp_path / 'mine.yaml'}:3: limits.train")


def test_a_cycle_of_bases_is_refused_by_whatever_path(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "base.yaml").write_text("extends: sub/../mine.yaml\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"base\.yaml:1: mine\.yaml extends itself"):
        extended(tmp_path, "", "extends: sub/../mine.yaml\n")


def test_a_base_that_cannot_be_found_is_named_with_its_line(tmp_path: Path) -> None:
    for base in ("absent.yaml", "x" * 300, "'a\\0b'"):
        path = tmp_path / "mine.yaml"
        path.write_text(f"name: mine\nextends: {base}\n", encoding="utf-8")
        with pytest.raises(ConfigError) as error:
            load(str(path))
        assert str(error.value).startswith(f"{path}:2:")
