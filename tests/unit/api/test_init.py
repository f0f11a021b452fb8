"""`init`: an experiment that loads, and plans once its files exist; no file is replaced."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

import xstilts
from xstilts.cli.app import app
from xstilts.core.errors import ConfigError


def write_files(experiment: Path) -> None:
    """The files that the experiment names, with rows of the declared columns and labels."""
    for name, task in xstilts.load(str(experiment)).experiment.tasks.items():
        for split, languages in task.splits.items():
            for language in languages:
                path = experiment.parent / task.files.format(split=split, language=language)
                path.parent.mkdir(parents=True, exist_ok=True)
                texts = ["some text"] * (len(task.columns) - 1)
                rows = ["\t".join([*texts, label]) for label in task.labels]
                path.write_text("\n".join(rows) + "\n", encoding="utf-8")
                assert name


def test_the_experiment_plans_once_its_files_exist(tmp_path: Path) -> None:
    file = xstilts.init(tmp_path / "my-study.yaml")
    assert xstilts.load(str(file)).experiment.name == "my-study"
    missing = [
        one for one in xstilts.plan(str(file), tmp_path / "store").supplies if not one.origin
    ]
    assert {one.task for one in missing} >= {"my-target", "my-intermediate"}
    assert all(one.files for one in missing)
    write_files(file)
    summary = xstilts.plan(str(file), tmp_path / "store")
    assert [source for source in summary.supplies if not source.origin] == []
    assert len(summary.todo) > 50


def test_plan_names_the_check_of_rows_that_it_does_not_read(tmp_path: Path) -> None:
    file = str(xstilts.init(tmp_path / "my-study.yaml"))
    write_files(Path(file))
    words = ["plan", file, "--store", str(tmp_path / "store")]
    shown = CliRunner().invoke(app, words).output
    assert "the rows and labels of my-intermediate, my-target" in shown
    assert f"\n  xstilts data check {file}\n" in shown
    assert CliRunner().invoke(app, ["data", "check", file]).exit_code == 0
    preset = CliRunner().invoke(app, ["plan", "quickstart", *words[2:]])
    assert preset.exit_code == 0
    assert "data check" not in preset.output


def test_the_formats_in_its_comments_load(tmp_path: Path) -> None:
    file = xstilts.init(tmp_path / "all.yaml")
    head, commented = file.read_text(encoding="utf-8").split("  # Other formats:\n")
    lines = [line.replace("  # ", "  ", 1) for line in commented.splitlines()]
    file.write_text(head + "\n".join(lines) + "\n", encoding="utf-8")
    tasks = xstilts.load(str(file)).experiment.tasks
    formats = {task.format for task in tasks.values()}
    assert formats == {"classification", "tagging", "span", "regression", "masked_lm"}
    added = [name for name in tasks if name not in ("my-target", "my-intermediate")]
    settings = ", ".join(["none", "my-intermediate", *added])
    loaded = xstilts.load(str(file), [f"intermediate=[{settings}]"])
    assert xstilts.plan(loaded, tmp_path / "store").todo


def test_the_commands_in_its_comments_exist(tmp_path: Path) -> None:
    text = xstilts.init(tmp_path / "mine.yaml").read_text(encoding="utf-8")
    named = set(re.findall(r"xstilts ([a-z]+)(?: (check|new|show))?", text))
    for words in named:
        command: Any = typer.main.get_command(app)
        for word in filter(None, words):
            command = command.commands[word]
    assert named >= {("tasks", "new"), ("data", "check"), ("plan", ""), ("run", "")}


def test_its_data_can_be_checked(tmp_path: Path) -> None:
    file = xstilts.init(tmp_path / "mine.yaml")
    assert all(report.fails for report in xstilts.check_data(str(file)))
    write_files(file)
    reports = list(xstilts.check_data(str(file)))
    assert {report.task for report in reports} == {"my-target", "my-intermediate"}
    assert [report.why for report in reports if report.fails] == []


def test_an_existing_file_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("my own")
    with pytest.raises(ConfigError, match="exists"):
        xstilts.init(file)
    assert file.read_text() == "my own"


def test_a_name_with_other_characters_gives_an_experiment_that_loads(tmp_path: Path) -> None:
    for stem, name in (("My Study (2)", "my-study-2"), ("学習", "my-experiment")):
        file = xstilts.init(tmp_path / f"{stem}.yaml")
        assert xstilts.load(str(file)).experiment.name == name


def test_only_a_yaml_file_is_written(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="YAML"):
        xstilts.init(tmp_path / "data.tsv")
    assert list(tmp_path.iterdir()) == []
