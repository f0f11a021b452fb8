"""Notes on values of recipes that are likely slips."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner

import xstilts
from xstilts.api.recipe_notes import recipe_notes
from xstilts.cli.app import app
from xstilts.config.load import presets
from xstilts.config.named_recipes import named_recipe_files
from xstilts.testing.tiny import write_experiment

ONE_TARGET = ("targets=[toy-kind]", "intermediate=[none]")


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_experiment(tmp_path_factory.mktemp("notes"))


def keys(file: Path, changes: Sequence[str]) -> list[str]:
    """The keys that are noted, of a toy experiment with changes."""
    notes = recipe_notes(xstilts.load(file, list(changes)))
    return [note.partition(": ")[0].removeprefix("--set ") for note in notes]


@pytest.mark.parametrize("name", presets())
def test_no_preset_has_a_note(name: str, tmp_path: Path) -> None:
    assert list(recipe_notes(xstilts.load(name, data=tmp_path))) == []


@pytest.mark.parametrize("name", named_recipe_files())
def test_no_published_recipe_has_a_note(name: str, tmp_path: Path) -> None:
    loaded = xstilts.load("xtreme-r", [f"recipes={{preset: {name}}}"], data=tmp_path)
    assert list(recipe_notes(loaded)) == []


@pytest.mark.parametrize(
    ("usual", "slip"),
    [
        (["learning_rate=0.01"], ["learning_rate=0.02"]),
        (["learning_rate=0.02", "lora={r: 4}"], ["learning_rate=0.2", "lora={r: 4}"]),
        (["head_learning_rate=0.1"], ["head_learning_rate=0.2"]),
        (["weight_decay=1"], ["weight_decay=1.5"]),
        (["epochs=100"], ["epochs=101"]),
        (["epochs=1000", "max_steps=9"], ["epochs=1000"]),
        (["epochs=1000", "patience=3"], ["epochs=1000", "patience=null"]),
        (["warmup_ratio=0.9"], ["warmup_ratio=1"]),
        (["warmup_ratio=1", "warmup_steps=0"], ["warmup_ratio=1.0"]),
        (["warmup_steps=144"], ["warmup_steps=145"]),  # of 6 epochs of 96 rows in eights
        (["batch_size=96", "gradient_accumulation_steps=4"], ["batch_size=97"]),
    ],
)
def test_the_first_value_that_is_a_slip_is_noted(
    file: Path, usual: list[str], slip: list[str]
) -> None:
    def noted(values: list[str]) -> list[str]:
        return keys(file, [*ONE_TARGET, *(f"recipes.target.{value}" for value in values)])

    assert noted(usual) == []
    assert noted(slip) == [f"recipes.target.{slip[0].partition('=')[0]}"]


def test_a_value_is_noted_once_where_it_is_given(file: Path) -> None:
    """Two settings and two targets use it; a value of one target replaces it for that target."""
    text = file.read_text(encoding="utf-8")
    path = file.with_name("slips.yaml")
    path.write_text(
        text.replace("learning_rate: 3.0e-3", "learning_rate: 3.0e-1").replace(
            "  target: *recipe", "  target: {epochs: 300, weight_decay: 2}\n  tasks:\n"
            "    toy-tags: {epochs: 2,\n      weight_decay: 3}",
        ),
        encoding="utf-8",
    )  # fmt: skip
    notes = list(recipe_notes(xstilts.load(path)))
    lines = path.read_text(encoding="utf-8").splitlines()
    where = {note.split(": ")[1]: note.split(": ")[0] for note in notes}
    assert len(where) == len(notes)
    assert where == {
        "recipes.intermediate.learning_rate": f"{path}:{1 + _find(lines, '3.0e-1')}",
        "recipes.target.weight_decay": f"{path}:{1 + _find(lines, 'epochs: 300')}",
        "recipes.target.epochs": f"{path}:{1 + _find(lines, 'epochs: 300')}",
        "recipes.tasks.toy-tags.weight_decay": f"{path}:{1 + _find(lines, 'decay: 3')}",
    }


def _find(lines: Sequence[str], text: str) -> int:
    return next(number for number, line in enumerate(lines) if text in line)


def test_values_of_an_encoder_of_a_search_and_of_few_shot_training_are_noted(file: Path) -> None:
    own = "encoder={name: ./encoder, recipe: {weight_decay: 2, tasks: {toy-kind: {epochs: 200}}}}"
    assert sorted(keys(file, [*ONE_TARGET, own])) == [
        "encoder.recipe.tasks.toy-kind.epochs",
        "encoder.recipe.weight_decay",
    ]
    searched = "search={learning_rate: [1.0e-3, 0.5]}"
    assert keys(file, [*ONE_TARGET, searched, "recipes.target.learning_rate=0.9"]) == [
        "search.learning_rate"
    ]
    few = "few_shot={examples: [5], split: dev, recipe: {learning_rate: 0.5, epochs: 200}}"
    assert keys(file, [*ONE_TARGET, few]) == ["few_shot.recipe.learning_rate"]


def test_rows_that_are_not_known_and_mixtures_with_a_large_task_give_no_note(file: Path) -> None:
    small = ["targets=[toy-kind]", "intermediate=[none, toy-same+toy-tags]", "limits.train=6"]
    large = [*small, "task_limits={toy-tags: {train: 8}, toy-kind: {train: 8}}"]
    assert len(keys(file, small)) == 2  # batches of 8
    assert keys(file, large) == []


def test_notes_are_in_the_output_of_plan_and_in_its_json(file: Path, tmp_path: Path) -> None:
    changes = [part for one in ONE_TARGET for part in ("--set", one)]
    store = ["--store", str(tmp_path / "store"), "--set", "recipes.target.learning_rate=0.5"]
    for command in (["plan"], ["run", "--dry-run"]):
        shown = CliRunner().invoke(app, [*command, str(file), *changes, *store])
        assert shown.exit_code == 0, shown.output
        assert "--set recipes.target.learning_rate: 0.5" in " ".join(shown.output.split())
        found = CliRunner().invoke(app, [*command, str(file), *changes, *store, "--json"])
        notes = json.loads(found.stdout)["notes"]
        assert sum("learning_rate: 0.5 is likely a slip" in note for note in notes) == 1
