"""Commands that resume recorded runs."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from xstilts.analysis.run_records import RunRecord, experiment_config
from xstilts.api.inputs import load
from xstilts.api.resume_command import (
    CHANGED,
    SUPERSEDED,
    UNCHANGED,
    ResumeCommand,
    resume_command,
    without_repeats,
)
from xstilts.config.load import presets
from xstilts.core.plan import Plan

PRESET = "few-examples-grid"


def record(options: Sequence[str] = (), preset: str = PRESET) -> RunRecord:
    """That of the preset with options, without stages and cells."""
    loaded = load(preset, options)
    config = experiment_config(loaded.experiment)
    origin = Path(loaded.origin).name
    return RunRecord(preset, "0-0", (), Plan(()), config, origin, loaded.text)


def without_key(config: dict[str, Any]) -> dict[str, Any]:
    """The record of a version that lacked a key whose default is a value."""
    target = {
        key: value
        for key, value in config["recipes"]["target"].items()
        if key != "checkpoint_minutes"
    }
    assert len(target) < len(config["recipes"]["target"])
    return config | {"recipes": config["recipes"] | {"target": target}}


@pytest.mark.parametrize("folder", ["rel/data", "~/data", "/folder/"])
def test_a_folder_of_data_that_set_gave_is_given_in_the_same_way(folder: str) -> None:
    command = f"xstilts run {PRESET} --set 'data=\"{folder}\"'"
    assert resume_command(record([f"data={folder}"])) == ResumeCommand(command)


def test_an_absolute_folder_of_data_is_given_by_its_option() -> None:
    command = f"xstilts run {PRESET} --data /folder"
    assert resume_command(record(["data=/folder"])) == ResumeCommand(command)


@pytest.mark.parametrize("preset", presets())
def test_a_record_without_a_later_key_is_completed_with_its_default(preset: str) -> None:
    old = record(preset=preset)
    old = replace(old, config=without_key(dict(old.config)))
    assert resume_command(old) == ResumeCommand(f"xstilts run {preset}")


def test_values_of_an_encoder_that_options_gave_are_given_again() -> None:
    options = ["encoder.recipe.learning_rate=3e-05", "limits.dev=null"]
    command = resume_command(record(options)).command
    words = shlex.split(command)
    given = [word for before, word in pairwise(words) if before == "--set"]
    assert record(given).config == record(options).config


def test_a_changed_file_is_told_from_options_that_are_not_known() -> None:
    other = replace(record(), config=dict(record().config) | {"no_longer_a_key": 1})
    assert resume_command(other).problem == UNCHANGED.format(PRESET)
    changed = replace(other, text="name: earlier")
    assert resume_command(changed).problem == CHANGED.format(PRESET)


@pytest.mark.parametrize("origin", ["evaluate", "recommend"])
def test_a_run_without_a_file_is_not_looked_for_in_the_folder(origin: str) -> None:
    problem = resume_command(replace(record(), origin=origin, text="")).problem
    assert f"it was not run from a file ({origin})" in problem
    assert "this folder" not in problem


def test_a_record_without_the_name_of_its_file_says_so() -> None:
    old = replace(record(), experiment="small", origin="", text="")
    assert resume_command(old).problem.startswith("its record does not have its file")
    assert resume_command(replace(old, experiment=PRESET)).command == f"xstilts run {PRESET}"


def test_a_command_is_that_of_the_newest_run_only() -> None:
    run, gone = ResumeCommand("xstilts run a.yaml"), ResumeCommand(problem="a.yaml has changed")
    assert without_repeats([gone, run, gone, run]) == [
        gone,
        ResumeCommand(problem=SUPERSEDED),
        gone,
        run,
    ]
