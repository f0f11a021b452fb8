"""Hostile names, labels and texts of an experiment become neither markup nor control characters."""

from __future__ import annotations

import getpass
import socket
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest
import yaml

import xstilts
from xstilts.cli import app, exit_codes
from xstilts.config.load import LoadedExperiment
from xstilts.executors.base import RunResult
from xstilts.reports.page_script import page_script

IMAGE = "<img/src=x/onerror=alert(1)//"
FORMULA = "=cmd|'/Ccalc'!A0".replace("/", "")
LABELS = {"animal": "<b>animal</b>", "food": "[bold]food[/]", "tool": "{{7*7}}\\input{x}"}
TEXTS = {"the ": "<script>alert(2)</script> the ", "my ": "[red]my[/red] \x1b[2J"}
TOKEN = "hf_aSecretToken"
OWN_TAGS = {
    *("html", "head", "meta", "title", "style", "body", "header", "main", "section", "nav"),
    *("h1", "h2", "h3", "p", "span", "strong", "em", "code", "pre", "a", "ul", "ol", "li", "br"),
    *("table", "thead", "tbody", "tr", "th", "td", "caption", "details", "summary", "div"),
    *("figure", "figcaption", "svg", "g", "path", "rect", "text", "line", "circle", "defs", "use"),
    *(
        "clippath",
        "desc",
        "footer",
        "dl",
        "dt",
        "dd",
        "small",
        "img",
        "polyline",
        "b",
        "i",
        "abbr",
        "article",
        "wbr",
    ),
    *("rdf:rdf", "cc:work", "dc:type", "dc:format", "dc:creator", "cc:agent", "metadata"),
    *("tspan", "symbol", "lineargradient", "stop", "polygon", "dc:date", "dc:title", "link"),
}


class Tags(HTMLParser):
    """The tags and attributes of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.attributes: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.attributes |= {name for name, _ in attrs}


@pytest.fixture(scope="module")
def hostile(toy_file: Path, tmp_path_factory: pytest.TempPathFactory) -> LoadedExperiment:
    """The small experiment with hostile names, labels and texts, in files of a user's folder."""
    folder = tmp_path_factory.mktemp("folder-of-somebody")
    data = toy_file.parent / "data"
    for path in data.glob("*.tsv"):
        text = path.read_text(encoding="utf-8")
        for old, new in TEXTS.items():
            text = text.replace(old, new)
        for old, new in LABELS.items():
            text = text.replace(f"\t{old}\n", f"\t{new}\n")
        (folder / path.name).write_text(text, encoding="utf-8", newline="\n")
    tree = yaml.safe_load(toy_file.read_text(encoding="utf-8"))
    tasks = tree["tasks"]
    for task in tasks.values():
        task["files"] = str(folder / Path(task["files"]).name)
    tasks["toy-kind"]["labels"] = list(LABELS.values())
    tree |= {
        "name": "hostile",
        "description": "<script>alert(3)</script>",
        "encoder": str(toy_file.parent / "encoder"),
        "intermediate": ["none", FORMULA],
        "targets": [IMAGE.replace("/", ""), "toy-search"],
        "seeds": [0],
        "tasks": {
            IMAGE.replace("/", ""): tasks["toy-kind"],
            FORMULA: tasks["toy-same"],
            "toy-search": tasks["toy-search"],
        },
    }
    path = folder / "hostile.yaml"
    path.write_text(yaml.safe_dump(tree), encoding="utf-8")
    return xstilts.load(str(path))


@pytest.fixture(scope="module")
def store(
    hostile: LoadedExperiment,
    run_in_process: Callable[..., RunResult],
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """A store in which the hostile experiment is finished."""
    path = tmp_path_factory.mktemp("hostile") / "store"
    outcome = run_in_process(hostile, path)
    assert outcome.exit_code == 0, outcome.failed
    return path


def test_a_report_has_no_markup_of_others_and_nothing_private(
    hostile: LoadedExperiment, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    path = xstilts.report(hostile, tmp_path / "r.html", store)
    page = path.read_text(encoding="utf-8").replace(f"<script>{page_script()}</script>", "", 1)
    tags = Tags(page)
    assert "script" not in tags.names
    assert tags.names <= OWN_TAGS, tags.names - OWN_TAGS
    assert not {name for name in tags.attributes if name.startswith("on") or name == "src"}
    assert "&lt;img" in page
    for private in (TOKEN, str(store.parent), "folder-of-somebody", socket.gethostname()):
        assert private not in page, private
    assert f"/{getpass.getuser()}/" not in page
    table = xstilts.report(hostile, tmp_path / "r.md", store).read_text(encoding="utf-8")
    assert "&lt;img" in table
    assert "<img" not in table


@pytest.mark.parametrize("verb", ["plan", "results", "status", "report", "claims"])
def test_no_command_prints_control_characters(
    verb: str,
    hostile: LoadedExperiment,
    store: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    experiment = [] if verb == "status" else [hostile.origin]
    given = [str(store)] if verb == "claims" else [*experiment, "--store", str(store)]
    monkeypatch.setattr(sys, "argv", ["xstilts", verb, *given])
    assert not exit_codes.exit_code_of(lambda: app.app())
    printed = "".join(capsys.readouterr())
    assert printed
    assert "\x1b" not in printed
    assert TOKEN not in printed
