"""What the tasks of the suite `home` have in common: origin, splits and sizes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

from xstilts.tasks.home.lexicon import languages

T = TypeVar("T")
SOURCE = "PyPI home-assistant-intents 2026.10.27, expanded with hassil 3.12.1"
LICENCE = "Apache-2.0"
CITATION = "Home Assistant intents, https://github.com/OHF-Voice/intents"
SPLITS = {"train": ("en",), "dev": ("en",), "test": languages()}
MOST = {"train": 4000, "dev": 500, "test": 400}
"""Examples of a split, where that many exist."""


def first(items: Iterable[T], split: str) -> Iterator[T]:
    """As many as the split takes."""
    return islice(items, MOST[split])
