"""Targets in many languages that XTREME does not have, one file each."""

from __future__ import annotations

__all__: list[str] = []
