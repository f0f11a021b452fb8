"""Targets that XTREME-R adds to XTREME's, one file each (Ruder et al. 2021, arXiv 2104.07412)."""

from __future__ import annotations

__all__: list[str] = []
