"""Slot fillers of words.yaml: concept → word, by language and kind of slot."""

from __future__ import annotations

from functools import cache, lru_cache
from importlib import resources
from typing import Any

import yaml

WORDS_FILE = "words.yaml"


def words_text() -> str:
    """Return the text of words.yaml."""
    return (resources.files("xstilts.tasks.home") / WORDS_FILE).read_text(encoding="utf-8")


@lru_cache(maxsize=1)
def _tree() -> dict[str, Any]:
    tree: dict[str, Any] = yaml.load(
        words_text(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    )
    return tree


def languages() -> tuple[str, ...]:
    """Return the languages of the suite, English first."""
    return tuple(_tree()["words"])


@cache
def fillers(language: str, kind: str) -> dict[str, str]:
    """Return concept → word of a language for a kind of slot (area, floor, name, item, …)."""
    tree = _tree()
    words = tree["query"] if kind == "query" else tree["words"][language][kind]
    return dict(zip(tree["concepts"][kind], words, strict=True))


def names(language: str, domains: tuple[str, ...]) -> dict[str, str]:
    """Return concept → device name for these domains, or the default one if all are unknown."""
    by_domain = _tree()["domains"]
    known = [concept for domain in domains for concept in by_domain.get(domain, ())]
    wanted = known or by_domain["default"]
    return {concept: fillers(language, "name")[concept] for concept in wanted}
