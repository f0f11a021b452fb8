"""Messages of the library reach the user of the command line."""

from __future__ import annotations

import logging
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from xstilts.cli.app import main
from xstilts.cli.log_messages import show_log_messages

LOGGER = logging.getLogger("xstilts")


@pytest.fixture
def handlers() -> Iterator[list[logging.Handler]]:
    before = list(LOGGER.handlers)
    signals = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield LOGGER.handlers
    LOGGER.handlers[:] = before
    for number, action in signals.items():
        signal.signal(number, action)


def test_a_command_shows_what_loading_logs(
    handlers: list[logging.Handler],
    toy_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    change = ["--set", "recipes.intermediate.clip=2.0"]
    arguments = ["plan", str(toy_file), "--store", str(tmp_path / "store"), *change]
    monkeypatch.setattr(sys, "argv", ["xstilts", *arguments])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert not stopped.value.code
    assert "warning: " in (shown := capsys.readouterr().err)
    assert "clip is now max_grad_norm" in shown


def test_warnings_are_shown_once_and_info_is_not(
    handlers: list[logging.Handler], capsys: pytest.CaptureFixture[str]
) -> None:
    show_log_messages()
    show_log_messages()
    LOGGER.getChild("trackers").warning("the tracker %s is disabled", "wandb")
    LOGGER.getChild("trackers").info("progress")
    assert capsys.readouterr().err == "warning: the tracker wandb is disabled\n"
