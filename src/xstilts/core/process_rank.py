"""The position of a process among those that divide a training."""

from __future__ import annotations

from dataclasses import dataclass, field

from xstilts.core.errors import XstiltsError


@dataclass(frozen=True)
class ProcessRank:
    """One of the processes that divide a training.

    Args:
        rank: its number, from 0; process 0 is the worker, which reports, saves and publishes.
        size: number of processes.
        meeting: the file through which they find one another; empty for a single process.
        secret: known to them alone, to sign what they exchange as objects.
    """

    rank: int = 0
    size: int = 1
    meeting: str = ""
    secret: str = field(default="", repr=False)


class ContactLost(XstiltsError):
    """A process of a divided training no longer answers the others."""

    exit_code = 3


class PartDone(BaseException):
    """What a process other than the worker does in a stage is done; nothing should handle it."""


def single_process() -> ProcessRank:
    """The rank of a process that divides its trainings with none."""
    return ProcessRank()
