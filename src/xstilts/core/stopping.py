"""A request to stop: work that can resume saves what it needs and ends, other work just ends.

The process that runs stages receives the request, by a signal or a message. A stage that saves
checkpoints asks `stop_requested` after every step, within `stopping_between_steps`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

GRACE = 25.0
"""Seconds between a request and the end of the process, below the 30 that Slurm and Kubernetes
leave between SIGTERM and SIGKILL."""
STOPPED = 75
"""Exit code of a process that was asked to stop: EX_TEMPFAIL, try again."""
SAVED_PER_SECOND = 200e6
"""Assumed bytes per second of a checkpoint, until one was saved and its time is known."""


class Stopped(BaseException):
    """A stage has ended because of a request; not an Exception, so that nothing handles it."""


@dataclass
class _State:
    deadline: float | None = None
    saves_now: bool = False
    stops_between_steps: bool = False


_state = _State()


def request_stop(grace: float = GRACE) -> None:
    """Request that the running stage stops within a number of seconds; safe in signal handlers."""
    if _state.deadline is None:
        _state.deadline = time.monotonic() + grace


def request_checkpoint() -> None:
    """Request a checkpoint, after which the stage goes on; safe in signal handlers."""
    _state.saves_now = True


def stop_requested() -> bool:
    """Whether the running stage should stop."""
    return _state.deadline is not None


def take_checkpoint_request() -> bool:
    """Whether a checkpoint was requested since the last call."""
    requested, _state.saves_now = _state.saves_now, False
    return requested


def fits_grace(seconds: float) -> bool:
    """Whether something that takes so long would be done before the process ends."""
    return _state.deadline is not None and time.monotonic() + seconds < _state.deadline


def stops_between_steps() -> bool:
    """Whether the running stage looks for requests by itself."""
    return _state.stops_between_steps


@contextmanager
def stopping_between_steps() -> Iterator[None]:
    """Within the block, the stage looks for requests by itself and raises `Stopped`."""
    _state.stops_between_steps = True
    try:
        yield
    finally:
        _state.stops_between_steps = False


def withdraw_requests() -> None:
    """Forget all requests, before another stage or in tests."""
    _state.deadline, _state.saves_now = None, False
