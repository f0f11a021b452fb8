"""Languages: codes, names, scripts, families, and the suites that contain them."""

from __future__ import annotations

from xstilts.languages.metadata import Language, language, suite

__all__ = ["Language", "language", "suite"]
