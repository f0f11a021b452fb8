"""The position of a process among those that divide a training."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from xstilts.core.errors import ConfigError, XstiltsError

TIMEOUT = "XSTILTS_DDP_TIMEOUT"
"""The variable with the seconds that processes wait for one that does not answer."""
DEFAULT_TIMEOUT = 600.0
"""Enough for the checkpoint of a large encoder, for which the others wait, on a slow disk."""


@dataclass(frozen=True)
class ProcessRank:
    """One of the processes that divide a training.

    Args:
        rank: its number, from 0; process 0 is the worker, which reports, saves and publishes.
        size: number of processes.
        meeting: the file through which they find one another; empty for a single process.
        secret: known to them alone, to sign what they exchange as objects.
        timeout: seconds that one of them may compute alone while the others wait.
    """

    rank: int = 0
    size: int = 1
    meeting: str = ""
    secret: str = field(default="", repr=False)
    timeout: float = DEFAULT_TIMEOUT


class ContactLost(XstiltsError):
    """A process of a divided training no longer answers the others."""

    exit_code = 3


class PartDone(BaseException):
    """What a process other than the worker does in a stage is done; nothing should handle it."""


def single_process() -> ProcessRank:
    """The rank of a process that divides its trainings with none."""
    return ProcessRank()


def timeout_seconds(environ: Mapping[str, str] | None = None) -> float:
    """How long the processes of a training wait for one another, of $XSTILTS_DDP_TIMEOUT.

    Raises:
        ConfigError: it is not a positive number.
    """
    text = (os.environ if environ is None else environ).get(TIMEOUT, "")
    try:
        seconds = float(text) if text else DEFAULT_TIMEOUT
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise ConfigError(
            f"{text!r} is not a number of seconds",
            where=f"${TIMEOUT}",
            todo=f"set it to a positive number, or unset it ({DEFAULT_TIMEOUT:.0f})",
        )
    return seconds
