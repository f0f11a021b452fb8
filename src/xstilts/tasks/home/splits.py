"""Source, splits and sizes that the tasks of the suite `home` share."""

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
MAX_SIZES = {"train": 4000, "dev": 500, "test": 400}
"""Maximum number of examples of a split."""


def take(items: Iterable[T], split: str) -> Iterator[T]:
    """Yield the first items, up to the maximum size of the split."""
    return islice(items, MAX_SIZES[split])
