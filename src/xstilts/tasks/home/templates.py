"""The sentence templates of a language, as home-assistant-intents has them.

A cell is what a command asks for: intent, slot combination and fixed slots (such as the
domain), the same in every language. A template is one line of the package; several
templates belong to a cell.
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
"""Languages whose file in the package has another name."""


@dataclass(frozen=True)
class Cell:
    """What a command asks for, apart from the values of its slots."""

    intent: str
    combination: str
    fixed: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        parts = [self.intent, self.combination, *(f"{key}={value}" for key, value in self.fixed)]
        return "|".join(parts)


@dataclass(frozen=True)
class Template:
    """One sentence template; `rules` and `lists` are those that hold for its block alone."""

    cell: Cell
    text: str
    expression: Any
    domains: tuple[str, ...]
    rules: Mapping[str, Any] = field(default_factory=dict)
    lists: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Grammar:
    """A language's templates by cell, with its expansion rules and slot lists."""

    language: str
    cells: Mapping[Cell, tuple[Template, ...]]
    rules: Mapping[str, Any]
    lists: Mapping[str, Any]


def data_file(language: str) -> Path:
    """The package's JSON file for a language.

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
    """Digest of all that a language's examples come from; English labels are among it."""
    return _digest(language)


@cache
def _digest(language: str) -> str:
    texts = [data_file(code).read_bytes() for code in dict.fromkeys((language, "en"))]
    texts.append(words_text().encode())
    digests = [hashlib.sha256(text).hexdigest() for text in texts]
    return digest_of([version(DATA), version(PARSER), *digests])


@cache
def spread() -> Counter[Cell]:
    """How many of the suite's languages have each cell, read without parsing templates."""
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
    """Parse a language's file with hassil."""
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
