"""Open a page in a browser, where a person would see it."""

from __future__ import annotations

import os
import sys
import webbrowser
from pathlib import Path

DISPLAYS = ("DISPLAY", "WAYLAND_DISPLAY")
"""Environment variables of a graphical session on Linux."""


def open_page(path: Path) -> bool:
    """Open a file in the user's browser; whether there is one.

    Without a terminal or a graphical session nothing is opened: a text browser would replace the
    command's own output.
    """
    if not (sys.stdout.isatty() and has_display()):
        return False
    try:
        return webbrowser.open(path.absolute().as_uri())
    except webbrowser.Error:
        return False


def has_display() -> bool:
    """Whether this process runs in a graphical session."""
    return sys.platform in ("darwin", "win32") or any(map(os.environ.get, DISPLAYS))
