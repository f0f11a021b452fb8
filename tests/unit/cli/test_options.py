"""Options that all commands share: version, help, JSON, quiet, standard output, completion."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

import xstilts
from xstilts.cli.app import app
from xstilts.cli.completion import complete_experiments
from xstilts.config.load import LoadedExperiment
from xstilts.core.errors import ConfigError

DOCS = Path(__file__).parents[3] / "docs"
SMALL = [
    "--set", "name=small", "--set", "seeds=[0]", "--set", "intermediate=[none, toy-same]",
    "--set", "targets=[toy-kind, toy-search]",
]  # fmt: skip


def printed(*words: object, **options: Any) -> str:
    """What a command writes to standard output."""
    result = CliRunner().invoke(app, list(map(str, words)), **options)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.stdout


def commands() -> Iterator[tuple[str, ...]]:
    def below(command: Any, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
        yield path
        for name, sub in getattr(command, "commands", {}).items():
            yield from below(sub, (*path, name))

    yield from below(typer.main.get_command(app), ())


def test_the_version_is_that_of_the_package() -> None:
    assert printed("--version").strip() == f"xstilts {xstilts.__version__}"


@pytest.mark.parametrize("path", list(commands()), ids=" ".join)
def test_every_command_has_short_help_with_all_defaults(path: tuple[str, ...]) -> None:
    short = printed(*path, "-h", env={"COLUMNS": "300"})
    assert short == printed(*path, "--help", env={"COLUMNS": "300"})
    assert "\\[" not in short
    command: Any = typer.main.get_command(app)
    for name in path:
        command = command.commands[name]
    for parameter in command.params:
        for default in re.findall(r"\[default: [^]]+\]", getattr(parameter, "help", None) or ""):
            assert default in short, parameter.name


@pytest.mark.parametrize("path", list(commands()), ids=" ".join)
def test_help_at_80_columns_breaks_no_name(path: tuple[str, ...]) -> None:
    shown = printed(*path, "--help", env={"COLUMNS": "80"})
    assert "…" not in shown.replace("AutoModelFor…", "")
    command: Any = typer.main.get_command(app)
    for name in path:
        command = command.commands[name]
    words = {word.rstrip(",") for word in shown.split()}
    for parameter in command.params:
        names = [name for name in (*parameter.opts, *parameter.secondary_opts) if name[0] == "-"]
        metavar = (parameter.metavar or "").split()
        assert {*names, *metavar} <= words | {f"{{{one}}}" for one in metavar}, parameter.name
        if "--store" in names:
            assert "$XSTILTS_STORE" in shown


@pytest.fixture(scope="module")
def documented() -> set[str]:
    """The long options that the guides and references for users name."""
    folders = [DOCS / name for name in ("guide", "reference", "extending")]
    files = [path for folder in folders for path in folder.glob("*.md")]
    texts = [path.read_text() for path in (*files, DOCS / "faq.md", DOCS.parent / "README.md")]
    return set(re.findall(r"--[a-z][a-z-]*", " ".join(texts)))


@pytest.mark.parametrize("path", list(commands()), ids=" ".join)
def test_every_long_option_is_documented(path: tuple[str, ...], documented: set[str]) -> None:
    command: Any = typer.main.get_command(app)
    for name in path:
        command = command.commands[name]
    names = {name for one in command.params for name in (*one.opts, *one.secondary_opts)}
    assert {name for name in names if name.startswith("--")} <= documented


@pytest.mark.parametrize("verb", ["run", "study", "recommend"])
def test_verbs_that_submit_jobs_have_all_options_of_slurm(verb: str) -> None:
    command: Any = typer.main.get_command(app)
    names = {name for one in command.commands[verb].params for name in one.opts}
    assert names >= {"--executor", "--partition", "--gpus", "--time"}


def test_study_refuses_options_that_its_executor_does_not_have(named: list[str]) -> None:
    with pytest.raises(ConfigError, match="--partition"):
        printed("study", "reasoning", *named, "--partition", "gpu", "--quiet")


def test_the_usage_of_a_command_of_tasks_has_no_task() -> None:
    assert "xstilts tasks new [OPTIONS]" in printed("tasks", "new", "--help")
    assert "xstilts tasks [OPTIONS] [name]" in printed("tasks", "--help")


def test_help_breaks_lines_only_at_the_width_of_the_terminal() -> None:
    assert "Facts about the set-up: met" in printed("claims", "-h", env={"COLUMNS": "300"})


@pytest.fixture
def named(toy_file: Path, finished: Path) -> list[str]:
    return [str(toy_file), "--store", str(finished), *SMALL]


def test_every_verb_that_prints_data_prints_json(named: list[str], finished: Path) -> None:
    store = ["--store", str(finished)]
    for words in (
        ["plan", *named],
        ["run", *named],
        ["results", *named],
        ["status", *store],
        ["claims", str(finished)],
        ["tasks"],
        ["tasks", "xnli"],
        ["recipes"],
        ["recipes", "mmbert"],
        ["recommend", "--target", "toy-kind", "--candidates", "toy-same", "--like", *named[:3],
         "--no-measures"],
        ["store", "size", *store],
        ["store", "pin", *store],
        ["store", "gc", "--dry-run", *store],
        ["store", "verify", *store],
    ):  # fmt: skip
        shown = json.loads(printed(*words, "--json"))
        assert isinstance(shown, dict | list), words
        assert shown or words[:2] == ["store", "pin"]  # nothing is pinned


@pytest.mark.parametrize("path", list(commands()), ids=" ".join)
def test_every_command_but_init_has_json(path: tuple[str, ...]) -> None:
    command: Any = typer.main.get_command(app)
    for name in path:
        command = command.commands[name]
    has_json = any("--json" in parameter.opts for parameter in command.params)
    is_group = hasattr(command, "commands") and path != ("tasks",)
    assert has_json is not (is_group or path == ("init",))


def test_a_dry_run_as_json_is_the_plan_as_json(named: list[str]) -> None:
    planned = json.loads(printed("run", *named, "--dry-run", "--json"))
    assert planned == json.loads(printed("plan", *named, "--json")) | {"disk": planned["disk"]}
    studied = json.loads(printed("study", "reasoning", *named, "--dry-run", "--json"))
    assert studied.keys() == planned.keys() | {"questions"}
    assert [question["answerable"] for question in studied["questions"]] == [False] * 4
    assert all(question["why"] for question in studied["questions"])
    assert {stage["key"] for stage in studied["stages"]} >= {
        stage["key"] for stage in planned["stages"]
    }


def test_run_as_json_has_the_gains_and_the_exit_code(named: list[str]) -> None:
    shown = json.loads(printed("run", *named, "--json"))
    assert shown["exit_code"] == 0
    assert {row["target"] for row in shown["gains"]} == {"toy-kind", "toy-search"}


def test_json_and_another_format_exclude_each_other(named: list[str]) -> None:
    with pytest.raises(ConfigError, match="--json and --format csv"):
        printed("results", *named, "--json", "--format", "csv")


def test_a_dash_as_output_file_is_standard_output(
    named: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    rows = list(csv.DictReader(io.StringIO(printed("results", *named, "--out", "-"))))
    assert rows
    assert "score" in printed("report", *named, "--format", "md", "--out", "-")
    assert "<html" in printed("report", *named, "--out", "-")
    assert not list(tmp_path.iterdir())


def test_a_quiet_run_prints_no_progress(named: list[str], small: LoadedExperiment) -> None:
    result = CliRunner().invoke(app, ["run", *named, "--quiet"])
    assert result.stderr == ""
    assert "stages:" not in result.stdout
    assert "toy-kind" in result.stdout


def test_the_shell_completes_verbs_presets_and_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.yaml").write_text("")
    (tmp_path / "mine.txt").write_text("")
    (tmp_path / "more").mkdir()
    assert "quickstart" in complete_experiments("qui")
    assert complete_experiments("mine") == ["mine.yaml"]
    assert "more/" in complete_experiments("m")
    environment = {
        "_XSTILTS_COMPLETE": "complete_bash",
        "COMP_WORDS": "xstilts pl",
        "COMP_CWORD": "1",
    }
    assert printed(env=environment, prog_name="xstilts").split() == ["plan"]
