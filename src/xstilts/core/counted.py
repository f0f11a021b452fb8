"""Numbers of things as text."""

from __future__ import annotations


def counted(count: int, noun: str, plural: str = "") -> str:
    """`1 task`, `1,204 tasks`; the plural has an s unless it is given."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"
