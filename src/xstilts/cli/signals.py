"""What the commands do at signals: stop, or go on without a terminal."""

from __future__ import annotations

import signal
import sys
from types import FrameType

from xstilts.cli.output.console import discard_output
from xstilts.core.stopping import request_checkpoint

STOP = ("SIGINT", "SIGTERM", "SIGUSR1")
"""Ctrl-C, `kill` and batch systems, and what Slurm can be told to send before a time limit."""


class Interrupted(BaseException):
    """A request to stop; click does not catch it, unlike KeyboardInterrupt."""


def handle_signals() -> None:
    """Stop at Ctrl-C, SIGTERM and SIGUSR1; go on, without output, when the terminal is lost."""
    for name in STOP:
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), _stop)
    if hasattr(signal, "SIGHUP"):  # also under `nohup`: no output of a lost terminal is an error
        streams = (sys.stdout, sys.stderr)
        terminals = tuple(stream.fileno() for stream in streams if stream.isatty())

        def go_on(_signal: int, _frame: FrameType | None) -> None:
            """Discard the terminal's output; save checkpoints, as more may follow."""
            request_checkpoint()
            discard_output(*terminals)

        signal.signal(signal.SIGHUP, go_on)


def _stop(_signal: int, _frame: FrameType | None) -> None:
    raise Interrupted
