"""README.md and the page of commands: their commands, links, presets and functions exist."""

from __future__ import annotations

import importlib.util
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import typer
import yaml

import xstilts
from xstilts.cli.app import app
from xstilts.config.load import presets
from xstilts.studies import STUDIES
from xstilts.tasks.suites import members

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = (ROOT / "docs" / "reference" / "commands.md").read_text(encoding="utf-8")
MAX_LINES = 90
USAGE_ERROR: type[Exception] = typer.BadParameter.__mro__[1]
LINK = re.compile(r"\]\((?!https?://|#)([^)#]+)(?:#[^)]*)?\)")


def command_lines(text: str) -> Iterator[list[str]]:
    """The words of each command `xstilts …` in code blocks and in code within a line."""
    blocks = re.findall(r"^ {4}(xstilts .*)$", text, flags=re.MULTILINE)
    inline = re.findall(r"`(xstilts [^`]*)`", text)
    for line in (*blocks, *inline):
        yield shlex.split(line.replace("[", "").replace("]", ""), comments=True)[1:]


def parsed(words: list[str]) -> tuple[str, dict[str, Any]]:
    """The command that the words name, and its arguments; a wrong option is an error."""
    command: Any = typer.main.get_command(app)
    context = command.make_context("xstilts", list(words))
    name = ""
    while hasattr(command, "resolve_command"):
        words_left = [*context._protected_args, *context.args]
        if not words_left and command.invoke_without_command:
            break
        step, command, rest = command.resolve_command(context, words_left)
        assert step is not None, words
        assert command is not None, words
        name = f"{name} {step}".strip()
        context = command.make_context(step, rest, parent=context)
    return name, context.params


def is_placeholder(value: str) -> bool:
    return value.isupper()


def check_names(name: str, values: dict[str, Any]) -> None:
    """Presets, files, suites and studies among the arguments exist, or could be a user's."""
    named = [str(values[role]) for role in ("experiment", "a", "b") if values.get(role)]
    for experiment in named:
        if not is_placeholder(experiment) and not experiment.endswith(".yaml"):
            assert experiment in presets(), experiment
            xstilts.load(experiment, values.get("overrides") or (), encoder=values.get("encoder"))
    if name == "study" and not is_placeholder(values["name"]):
        assert values["name"] in STUDIES
    for suite in values.get("names") or ():
        assert is_placeholder(suite) or members([suite])


@pytest.mark.parametrize("words", list(command_lines(README + COMMANDS)), ids=" ".join)
def test_every_command_parses_and_names_what_exists(words: list[str]) -> None:
    if len(words) > 1 and is_placeholder(words[0]):
        return
    check_names(*parsed(words))


@pytest.mark.parametrize(
    "line", ["xstilts runn home", "xstilts run home --encodr X", "xstilts run quikstart"]
)
def test_a_wrong_command_would_be_noticed(line: str) -> None:
    with pytest.raises((USAGE_ERROR, AssertionError)):
        check_names(*parsed(shlex.split(line)[1:]))


def test_the_page_of_commands_lists_every_command() -> None:
    names = {words[0] for words in command_lines(COMMANDS)}
    group: Any = typer.main.get_command(app)
    assert set(group.commands) - names == set()


def test_every_preset_is_on_the_page_of_commands() -> None:
    assert [name for name in presets() if f"`{name}`" not in COMMANDS] == []


def test_every_make_target_exists() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"`make ([a-z-]+)", README))
    assert targets >= {"quickstart", "test"}
    assert [name for name in targets if not re.search(rf"^{name}\b.*:", makefile, re.M)] == []


def test_every_function_exists() -> None:
    names = set(re.findall(r"xstilts\.([a-z_]+)\(", README))
    assert names
    assert names <= set(xstilts.__all__)


def test_every_link_leads_to_a_file() -> None:
    for page, folder in ((README, ROOT), (COMMANDS, ROOT / "docs" / "reference")):
        paths = LINK.findall(page)
        assert paths
        assert [path for path in paths if not (folder / path).exists()] == []


def test_the_readme_fits_on_a_screen() -> None:
    assert len(README.splitlines()) <= MAX_LINES


def test_the_gains_are_those_of_the_results_page() -> None:
    results = (ROOT / "docs" / "results" / "quickstart.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (?:home-slots|the same).*", README, flags=re.MULTILINE)
    assert len(rows) == 2
    for row in rows:
        _, *numbers = [cell.strip() for cell in row.strip("|").split("|")]
        assert f"| {' | '.join(numbers[:4])} | {numbers[4]} |" in results


def test_the_citation_has_the_version_of_the_package() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == xstilts.__version__
    assert citation["license"] == "Apache-2.0"


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """hatch_build.py; hatchling is installed only where a package is built."""
    interface = ModuleType("hatchling.metadata.plugin.interface")
    interface.MetadataHookInterface = object  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, interface.__name__, interface)
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_links_on_a_package_index_are_absolute(hook: ModuleType) -> None:
    text = hook.with_absolute_links(README, "https://example.org/a/xstilts", "v1")
    assert LINK.findall(text) == []
    assert "https://example.org/a/xstilts/raw/v1/docs/images/report.png" in text
    assert "(https://example.org/a/xstilts/blob/v1/docs/comparison.md)" in text


def test_without_an_address_no_broken_link_is_left(hook: ModuleType) -> None:
    text = hook.with_absolute_links(README, "", "main")
    assert LINK.findall(text) == []
    assert "report.png" not in text
    assert "(https://arxiv.org/abs/2005.13013)" in text
