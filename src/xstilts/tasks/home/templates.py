"""Sentence templates of home-assistant-intents.

A cell is an intent with a slot combination and fixed slots (such as the domain), the same in all
languages. A template is one line of the package; a cell has several templates.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from xstilts.core.errors import MissingPackageError
from xstilts.core.hashing import digest_of
from xstilts.tasks.home.lexicon import languages, words_text

DATA, PARSER = "home-assistant-intents", "hassil"
FILES = {"pt": "pt-BR", "zh": "zh-CN"}
"""Languages whose file in the package has a different name."""


@dataclass(frozen=True, slots=True)
class Cell:
    """The meaning of a command without the values of its slots."""

    intent: str
    combination: str
    fixed: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        parts = [self.intent, self.combination, *(f"{key}={value}" for key, value in self.fixed)]
        return "|".join(parts)


@dataclass(frozen=True)
class Template:
    """A sentence template; `rules` and `lists` are those of its block."""

    cell: Cell
    text: str
    expression: Any
    domains: tuple[str, ...]
    rules: Mapping[str, Any] = field(default_factory=dict)
    lists: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Grammar:
    """Templates of a language by cell, with its expansion rules and slot lists."""

    language: str
    cells: Mapping[Cell, tuple[Template, ...]]
    rules: Mapping[str, Any]
    lists: Mapping[str, Any]


def data_file(language: str) -> Path:
    """Return the package's JSON file of a language.

    Raises:
        MissingPackageError: home-assistant-intents or hassil is not installed.
    """
    for package in (DATA, PARSER):
        if find_spec(package.replace("-", "_")) is None:
            raise MissingPackageError(
                f"the suite `home` needs the package {package}",
                todo="pip install home-assistant-intents==2026.10.27 hassil==3.12.1",
            )
    spec = find_spec(DATA.replace("-", "_"))
    assert spec is not None
    assert spec.submodule_search_locations
    folder = Path(spec.submodule_search_locations[0]) / "data"
    return folder / f"{FILES.get(language, language)}.json"


def fingerprint(_split: str, language: str) -> str:
    """Digest of the sources of a language's examples, including English, which has the labels."""
    return _digest(language)


@cache
def _digest(language: str) -> str:
    texts = [data_file(code).read_bytes() for code in dict.fromkeys((language, "en"))]
    texts.append(words_text().encode())
    digests = [hashlib.sha256(text).hexdigest() for text in texts]
    return digest_of([version(DATA), version(PARSER), *digests])


@cache
def languages_per_cell() -> Counter[Cell]:
    """Count the languages that have each cell, without parsing templates."""
    counts = Counter[Cell]()
    for code in languages():
        tree = json.loads(data_file(code).read_text(encoding="utf-8"))
        counts.update(
            {
                _cell(name, block.get("metadata"), block.get("slots"))
                for name, intent in tree["intents"].items()
                for block in intent["data"]
            }
        )
    return counts


@lru_cache(maxsize=4)
def grammar(language: str) -> Grammar:
    """Parse the file of a language with hassil."""
    from hassil import Intents

    tree = json.loads(data_file(language).read_text(encoding="utf-8"))
    parsed = Intents.from_dict(tree)
    cells: dict[Cell, list[Template]] = {}
    for name, intent in parsed.intents.items():
        for block in intent.data:
            cell = _cell(name, block.metadata, block.slots)
            for text, sentence in zip(
                block.sentence_texts, _parse(block.sentence_texts), strict=True
            ):
                cells.setdefault(cell, []).append(
                    Template(
                        cell,
                        text,
                        sentence.expression,
                        _domains(block),
                        block.expansion_rules,
                        block.slot_lists,
                    )
                )
    unique = {
        cell: tuple({template.text: template for template in templates}.values())
        for cell, templates in cells.items()
    }
    return Grammar(language, unique, parsed.expansion_rules, parsed.slot_lists)


def _parse(texts: list[str]) -> list[Any]:
    from hassil import parse_sentence

    return [parse_sentence(text, keep_text=True) for text in texts]


def _cell(intent: str, metadata: Any, slots: Any) -> Cell:
    fixed = tuple(sorted((name, str(value)) for name, value in (slots or {}).items()))
    return Cell(intent, (metadata or {}).get("slot_combination", ""), fixed)


def _domains(block: Any) -> tuple[str, ...]:
    wanted = block.requires_context.get("domain") or ()
    return (wanted,) if isinstance(wanted, str) else tuple(str(domain) for domain in wanted)
