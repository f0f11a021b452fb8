"""The output of `demo` and `init`, and when a browser is opened."""

from __future__ import annotations

import json
import webbrowser
from pathlib import Path

import pytest
from typer.testing import CliRunner

from xstilts.api import demo as demo_module
from xstilts.api.demo import demo_text, prepare_demo
from xstilts.cli import browser
from xstilts.cli.app import app
from xstilts.cli.browser import has_display, open_page
from xstilts.cli.output.demo import show_next_steps, show_question


def test_a_page_is_opened_only_in_a_graphical_session_at_a_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", lambda url: not opened.append(url))
    for is_terminal, display, expected in ((True, ":0", 1), (True, "", 0), (False, ":0", 0)):
        opened.clear()
        monkeypatch.setattr(browser.sys, "platform", "linux")
        monkeypatch.setattr(browser.sys.stdout, "isatty", lambda shown=is_terminal: shown)
        monkeypatch.setenv("DISPLAY", display)
        monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
        assert open_page(tmp_path / "page.html") is bool(expected)
        assert opened == [(tmp_path / "page.html").as_uri()] * expected


def test_a_mac_has_a_display(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(browser.sys, "platform", "darwin")
    monkeypatch.delenv("DISPLAY", raising=False)
    assert has_display()


def test_an_edited_demo_is_not_explained_as_the_original(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    demo = prepare_demo(tmp_path / "demo")
    show_question(demo)
    assert "tiny encoder" in capsys.readouterr().out
    demo.experiment.write_text("name: mine\n")
    show_question(demo)
    assert "tiny encoder" not in capsys.readouterr().out


def test_next_steps_name_the_experiment_and_store_of_the_demo(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    demo = prepare_demo(tmp_path / "a demo")
    show_next_steps(demo)
    output = capsys.readouterr().out
    assert f"xstilts plan '{demo.experiment}' --store '{demo.store}'" in output
    assert "xstilts init" in output


def test_init_names_its_file_in_the_commands_that_follow(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    output = CliRunner().invoke(app, ["init", str(file)]).output
    assert f"wrote {file}" in output
    assert f"xstilts plan {file}" in output


def test_a_demo_is_quiet_or_prints_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_process: None
) -> None:
    """One seed, one setting and an epoch, in this process."""
    small = demo_text().replace("seeds: [0, 1, 2]", "seeds: [0]")
    small = small.replace("  - demo-tags-shuffled-labels ", "  # ")
    small = small.replace("  - demo-request\n", "").replace("epochs: 40", "epochs: 1")
    monkeypatch.setattr(demo_module, "demo_text", lambda: small)
    arguments = ["demo", str(tmp_path / "demo"), "--no-open"]
    quiet = CliRunner().invoke(app, [*arguments, "--quiet"])
    assert quiet.exit_code == 0
    assert "✓" not in quiet.stderr
    assert "tiny encoder" not in quiet.stdout
    assert "xstilts init" not in quiet.stdout
    assert "demo-tags" in quiet.stdout
    assert f"report: {tmp_path / 'demo' / 'xstilts-demo.html'}" in quiet.stdout
    shown = json.loads(CliRunner().invoke(app, [*arguments, "--json"]).stdout)
    assert shown["done"] == []
    assert Path(shown["report"]).is_file()
    assert {row["intermediate"] for row in shown["gains"]} == {"demo-tags"}
