"""Notices of a running stage: what its user should know at once and find in its provenance."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Listener = Callable[[str], None]

_logger = logging.getLogger(__name__)
_listeners: list[Listener] = [_logger.warning]


def notice(text: str) -> None:
    """Pass a notice to the current listener; without one it is logged as a warning."""
    _listeners[-1](text)


@contextmanager
def notices_to(listener: Listener) -> Iterator[None]:
    """Within the block, pass the notices of all threads of this process to a listener."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)
