"""The script of the report: sorts, filters and downloads its tables.

The page's Content-Security-Policy allows this text only, by its digest; without it, the page shows
the same content.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.resources import files


@cache
def page_script() -> str:
    """The text of the script."""
    return (files("xstilts.reports") / "templates" / "page.js").read_text(encoding="utf-8")


@cache
def script_source() -> str:
    """The script as a source of a Content-Security-Policy: `'sha256-…'`."""
    digest = hashlib.sha256(page_script().encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
