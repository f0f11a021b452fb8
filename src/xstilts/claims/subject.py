"""The subject of checks and claims."""

from __future__ import annotations

from enum import StrEnum


class Subject(StrEnum):
    """What a check or a claim is about: results have a verdict, the set-up is met or not."""

    RESULTS = "results"
    SETUP = "set-up"
