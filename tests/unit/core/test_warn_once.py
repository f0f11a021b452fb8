"""A warning is logged once for each text."""

from __future__ import annotations

import logging

import pytest

from xstilts.core.warn_once import forget_warnings, warn_once


def test_a_text_is_logged_once_and_other_texts_too(caplog: pytest.LogCaptureFixture) -> None:
    forget_warnings()
    logger = logging.getLogger("xstilts.test")
    for value in ("a", "a", "b"):
        warn_once(logger, "%s is damaged", value)
    assert caplog.messages == ["a is damaged", "b is damaged"]
    forget_warnings()
    warn_once(logger, "%s is damaged", "a")
    assert caplog.messages[2:] == ["a is damaged"]
