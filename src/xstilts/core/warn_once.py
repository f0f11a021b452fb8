"""Warnings that a process logs once, however often their cause is met."""

from __future__ import annotations

import logging

_logged: set[tuple[str, str]] = set()


def warn_once(logger: logging.Logger, message: str, *values: object) -> None:
    """Log a warning, unless this process has logged the same text.

    Args:
        message: with a `%s` for each of the values.
    """
    text = message % values if values else message
    if (logger.name, text) not in _logged:
        _logged.add((logger.name, text))
        logger.warning("%s", text)


def forget_warnings() -> None:
    """Log every warning again."""
    _logged.clear()
