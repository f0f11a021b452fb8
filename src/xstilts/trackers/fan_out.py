"""One stream of events to a progress display and to any number of trackers."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial

from xstilts.executors.events import Event, Listener
from xstilts.trackers import TRACKERS
from xstilts.trackers.base import RunInfo, Tracker

logger = logging.getLogger(__name__)


@contextmanager
def tracked(
    on_event: Listener, trackers: Iterable[str | Tracker], info: RunInfo
) -> Iterator[Listener]:
    """A listener that passes events to `on_event` and to trackers, which are closed at the end.

    Args:
        trackers: names in TRACKERS, or trackers.

    Raises:
        UnknownNameError: no tracker of a name.
        MissingPackageError: a tracker's package is not installed.
        ConfigError: a tracker cannot log in to its server.
    """
    active = [
        TRACKERS.get(tracker, where="--tracker")(info) if isinstance(tracker, str) else tracker
        for tracker in trackers
    ]

    def listen(event: Event) -> None:
        on_event(event)
        for tracker in list(active):
            if not _succeeds(tracker, partial(tracker.on_event, event)):
                active.remove(tracker)

    try:
        yield listen
    finally:
        for tracker in active:
            _succeeds(tracker, tracker.close)


def _succeeds(tracker: Tracker, call: Callable[[], None]) -> bool:
    """Call a tracker; False, with a warning, if it raises."""
    try:
        call()
    except Exception as error:
        name, what = type(tracker).__name__, f"{type(error).__name__}: {error}"
        logger.warning("the tracker %s is disabled for this run: %s", name, what)
        return False
    return True
