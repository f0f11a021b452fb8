"""Experiments as people write them, with the mistakes people make."""

from __future__ import annotations

from pathlib import Path

import pytest

from xstilts import api
from xstilts.config.load import load, presets, schema
from xstilts.config.setting import parse_setting
from xstilts.core.errors import ConfigError, XstiltsError

GOOD = """\
name: mine
encoder: e5-small-packaged
intermediate: [none, home-nli]
targets: [home-intents]
recipes:
  target:
    learning_rate: 1.0e-4
"""


def write(folder: Path, text: str) -> str:
    path = folder / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def complaint(folder: Path, text: str, overrides: tuple[str, ...] = ()) -> str:
    with pytest.raises(XstiltsError) as caught:
        api.plan(api.load(write(folder, text), overrides), folder / "store")
    return str(caught.value)


def test_presets_load_and_are_named_after_their_file() -> None:
    for name in presets():
        assert load(name).experiment.name == name


def test_overrides_are_yaml(tmp_path: Path) -> None:
    loaded = load(
        write(tmp_path, GOOD), ["seeds=[3, 4]", "recipes.target.epochs=1", "encoder.name=x/y"]
    )
    assert loaded.experiment.seeds == (3, 4)
    assert loaded.experiment.recipes.target.epochs == 1
    assert loaded.experiment.recipes.target.learning_rate == 1e-4
    assert loaded.experiment.encoder.name == "x/y"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "learning_rate: 1.0e-4",
            "learning_rat: 1",
            ["mine.yaml:7", "learning_rat", "did you mean 'learning_rate'"],
        ),
        ("learning_rate: 1.0e-4", "learning_rate: fast", ["mine.yaml:7", "number", '"fast"']),
        ("learning_rate: 1.0e-4", "learning_rate: -1", ["mine.yaml:7", "greater than 0"]),
        ("home-nli]", "home-nil]", ["unknown task 'home-nil'", "did you mean 'home-nli'"]),
        ("[home-intents]", "[home-intent]", ["unknown task", "did you mean 'home-intents'"]),
        (
            "e5-small-packaged",
            "e5-small-packagd",
            ["unknown encoder", "did you mean 'e5-small-packaged'"],
        ),
        (
            "targets: [home-intents]",
            "targets: [home-nli, home-nli]",
            ["mine.yaml:4", "named twice: home-nli"],
        ),
        ("[none, home-nli]", "[home-retrieval]", ["retrieval task, which is not trained"]),
        ("[none, home-nli]", "[home-nli+]", ["is no intermediate setting"]),
        ("targets: [home-intents]", "targets:", ["mine.yaml:4", "targets"]),
        ("name: mine", "nam: mine", ["mine.yaml:1", "unknown key 'nam'", "did you mean 'name'"]),
        ("name: mine", "name: [", ["mine.yaml:", "not YAML"]),
    ],
)
def test_mistakes_are_named_with_their_line(
    tmp_path: Path, old: str, new: str, expected: list[str]
) -> None:
    said = complaint(tmp_path, GOOD.replace(old, new))
    for part in expected:
        assert part in said


def test_a_task_that_is_its_own_only_intermediate_makes_no_sense(tmp_path: Path) -> None:
    text = GOOD.replace("[none, home-nli]", "[home-intents]")
    assert "its own and only intermediate task" in complaint(tmp_path, text)


def test_unknown_languages_are_named(tmp_path: Path) -> None:
    assert "unknown language" in complaint(tmp_path, GOOD, ("languages=[en, qq]",))


def test_an_override_changes_one_of_two_aliases(tmp_path: Path) -> None:
    text = GOOD.replace("  target:\n", "  intermediate: &r\n") + "  target: *r\n"
    loaded = load(write(tmp_path, text), ["recipes.target.epochs=9"])
    assert loaded.experiment.recipes.target.epochs == 9
    assert loaded.experiment.recipes.intermediate.epochs == 3


def test_a_wrong_override_is_named(tmp_path: Path) -> None:
    assert "--set recipes.target.epochs" in complaint(tmp_path, GOOD, ("recipes.target.epochs=no",))
    with pytest.raises(ConfigError, match=r"write --set a\.b=value"):
        load(write(tmp_path, GOOD), ["epochs"])


def test_unknown_presets_and_files(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="did you mean 'quickstart'"):
        load("quickstat")
    with pytest.raises(ConfigError, match="no experiment file"):
        load(str(tmp_path / "absent.yaml"))


def test_settings() -> None:
    assert parse_setting("none").chain == ()
    assert parse_setting("a+b").chain == (("a", "b"),)
    assert parse_setting("a>b + c").chain == (("a",), ("b", "c"))
    assert parse_setting(" a >b+ c").name == "a > b+c"
    for wrong in ("", "a+a", "none+a", "a > ", "+"):
        with pytest.raises(ConfigError):
            parse_setting(wrong)


def test_the_schema_knows_every_key() -> None:
    assert {"encoder", "intermediate", "targets", "recipes"} <= schema()["properties"].keys()
