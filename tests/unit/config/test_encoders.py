"""`encoders`: several encoders in one experiment file."""

from pathlib import Path

import pytest

import xstilts
from xstilts.analysis.run_records import experiment_config
from xstilts.config.load import load
from xstilts.core.errors import ConfigError

TEXT = """\
name: mine
{encoders}
intermediate: [none]
targets: [home-intents]
"""


def write(folder: Path, encoders: str, rest: str = "") -> str:
    path = folder / "mine.yaml"
    path.write_text(TEXT.format(encoders=encoders) + rest, encoding="utf-8")
    return str(path)


def names(experiment: str, *overrides: str, encoder: str | None = None) -> list[str]:
    return [one.name for one in load(experiment, overrides, encoder).experiment.all_encoders]


@pytest.mark.parametrize(
    ("encoders", "line", "part"),
    [
        ("", "", "'encoder' is missing"),
        ("encoder: x/y\nencoders: [x/z]", ":3", "either `encoder` or `encoders`"),
        ("encoders: []", ":2", "at least 1 entry"),
        ("encoders: x/y", ":2", "write [x/y]"),
        ("encoders: [x/y, x/z, x/y]", ":2", "x/y is named twice"),
        ("encoders:\n- x/y\n- {nam: x/z}", ":4", "did you mean 'name'"),
        ("encoders:\n- {name: x/y, label: A}\n- {name: x/z, label: A}", ":2", "named twice: A"),
        ("encoders:\n- x/y\n- {name: x/z, recipe: {epochs: 0}}", ":4", "greater than 0"),
        ("encoders:\n- x/y\n- {name: x/z, recipe: {epochs: null}}", ":4", "needs a value"),
    ],
)
def test_mistakes_name_the_line(tmp_path: Path, encoders: str, line: str, part: str) -> None:
    with pytest.raises(ConfigError) as raised:
        load(write(tmp_path, encoders))
    assert part in str(raised.value)
    assert f"mine.yaml{line}" in str(raised.value) or not line


def test_a_file_that_extends_another_replaces_its_encoder_by_several_or_by_one(
    tmp_path: Path,
) -> None:
    write(tmp_path, "encoders: [x/y, x/z]")
    child = tmp_path / "child.yaml"
    child.write_text("extends: mine.yaml\nname: child\nencoder: a/b\n", encoding="utf-8")
    assert names(str(child)) == ["a/b"]
    child.write_text("extends: home\nname: child\nencoders: [a/b, c/d]\n", encoding="utf-8")
    assert names(str(child)) == ["a/b", "c/d"]


def test_overrides_replace_one_encoder_by_several_and_the_reverse(tmp_path: Path) -> None:
    one = write(tmp_path, "encoder: x/y")
    assert names(one, "encoders=[a/b, c/d]") == ["a/b", "c/d"]
    several = write(tmp_path, "encoders: [x/y, x/z]")
    assert names(several, "encoder=a/b") == ["a/b"]
    assert names(several, encoder="a/b") == ["a/b"]


@pytest.mark.parametrize("chosen", ["x/second", "second", "B"])
def test_an_encoder_of_the_list_is_chosen_with_its_recipe(tmp_path: Path, chosen: str) -> None:
    encoders = "encoders: [x/first, {name: x/second, label: B, recipe: {epochs: 7}}]"
    (encoder,) = xstilts.load(write(tmp_path, encoders), encoder=chosen).experiment.all_encoders
    assert (encoder.name, encoder.label) == ("x/second", "B")
    assert encoder.recipe is not None
    assert encoder.recipe.epochs == 7


def test_an_encoder_is_chosen_by_the_end_of_its_path_if_that_is_unique(tmp_path: Path) -> None:
    path = write(tmp_path, "encoders: [./model, ./other/model]")
    assert names(path, encoder="other/model") == ["./other/model"]
    assert names(path, encoder=f"{tmp_path.name}/model") == ["./model"]
    with pytest.raises(ConfigError, match="model fits 2 of the encoders"):
        names(path, encoder="model")


def test_records_of_one_encoder_do_not_change(tmp_path: Path) -> None:
    config = experiment_config(load(write(tmp_path, "encoder: x/y")).experiment)
    assert config["encoder"] == {"name": "x/y", "revision": None, "pooling": "auto"}
    assert "encoders" not in config
