"""Fill templates with slot values, using hassil's expression trees.

The value of a slot is the option whose digest with cell, slot and variant is smallest. Languages
with the same options therefore choose the same value, and their sentences have the same meaning.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from xstilts.tasks.home.lexicon import fillers, names
from xstilts.tasks.home.templates import Cell, Grammar, Template

NUMBERS = (1, 2, 3, 5, 10, 15, 20, 25, 30, 40, 45, 50, 60, 70, 80, 90, 2700, 4000, 5000)
"""Numbers to fill ranges with, if they are in the range."""
KINDS = {
    "area": "area",
    "floor": "floor",
    "zone": "zone",
    "message": "message",
    "shopping_list_item": "item",
    "todo_list_item": "item",
    "timer_name": "timer",
    "search_query": "query",
    "media_artist": "query",
}
"""List → kind of filler, for lists without values in the package."""
COMMANDS = {"lights_on": "HassTurnOn", "lights_off": "HassTurnOff"}
"""Commands of a timer: concept → intent of a command for the kitchen lights."""
DEPTH = 30


class CannotFill(Exception):
    """A template cannot be filled: a list or rule is missing, or has no value."""


@dataclass(frozen=True, slots=True)
class SlotSpan:
    """The value of a slot in a sentence, at characters start to end."""

    slot: str
    value: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class FilledSentence:
    """A filled template, with the spans of its slots."""

    text: str
    spans: tuple[SlotSpan, ...]
    cell: Cell
    template: str

    @property
    def meaning(self) -> str:
        """Cell and slot values: the same for translations."""
        values = sorted({(span.slot, span.value) for span in self.spans})
        return "|".join([str(self.cell), *(f"{slot}={value}" for slot, value in values)])

    @property
    def values(self) -> dict[str, str]:
        """Slot → value."""
        return {span.slot: span.value for span in self.spans}


Piece = tuple[str, str | None, str]
"""Text, the slot it fills if any, and the slot's value."""


@dataclass(frozen=True, slots=True)
class _Filler:
    grammar: Grammar
    template: Template
    variant: int
    draw: random.Random
    fixed: Mapping[str, str]

    def pieces(self, node: Any) -> list[Piece]:
        """Return the pieces of a random expansion of an expression."""
        found: list[Piece] = []
        self._expand(node, 0, found)
        return found

    def _expand(self, node: Any, depth: int, found: list[Piece]) -> None:
        kind = type(node).__name__
        if depth > DEPTH:
            raise CannotFill("rules refer to each other")
        if kind == "TextChunk":
            found.append((node.original_text, None, ""))
        elif kind == "Alternative":
            self._expand(self.draw.choice(node.items), depth + 1, found)
        elif kind == "Permutation":
            for item in self.draw.sample(node.items, len(node.items)):
                self._expand(item, depth + 1, found)
        elif kind == "Sequence":
            for item in node.items:
                self._expand(item, depth + 1, found)
        elif kind == "RuleReference":
            self._expand(self._rule(node.rule_name), depth + 1, found)
        elif kind == "ListReference":
            found += self._slot(node, depth)
        else:
            raise CannotFill(f"unknown expression {kind}")

    def _rule(self, name: str) -> Any:
        for rules in (self.template.rules, self.grammar.rules):
            if name in rules:
                return rules[name].expression
        raise CannotFill(f"no rule <{name}>")

    def _slot(self, node: Any, depth: int) -> tuple[Piece, ...]:
        options = self._options(node)
        if not options:
            raise CannotFill(f"nothing for {{{node.list_name}}}")
        slot = node.slot_name
        value = self.fixed.get(slot) or choose(
            self.template.cell, slot, self.variant, tuple(options)
        )
        if value not in options:
            raise CannotFill(f"{value} is not in {{{node.list_name}}}")
        option = options[value]
        text = option if isinstance(option, str) else self._text(option, depth)
        return (node.prefix or "", None, ""), (text, slot, value), (node.suffix or "", None, "")

    def _text(self, expressions: list[Any], depth: int) -> str:
        found: list[Piece] = []
        self._expand(self.draw.choice(expressions), depth + 1, found)
        return "".join(text for text, _, _ in found)

    def _options(self, node: Any) -> Mapping[str, Any]:
        """Return the options of a list: value → text, or the expressions of its texts."""
        language, name = self.grammar.language, node.list_name
        if inline := node.get_inline_range():
            start, stop, step = inline
            return _numbers(start, stop, step)
        if name == "name":
            return names(language, self.template.domains)
        if name == "timer_command":
            return self._commands()
        found: Any = self.template.lists.get(name) or self.grammar.lists.get(name)
        kind = type(found).__name__
        if name in KINDS and kind != "TextSlotList":
            return fillers(language, KINDS[name])
        if kind == "RangeSlotList":
            return _numbers(found.start, found.stop, found.step)
        if kind == "TextSlotList":
            options: dict[str, Any] = {}
            for item in found.values:
                options.setdefault(str(item.value_out), []).append(item.text_in)
            return options
        return {}

    def _commands(self) -> dict[str, str]:
        """Return short commands of the language for the kitchen lights."""
        found = {}
        for concept, intent in COMMANDS.items():
            cell = Cell(intent, "area_domain", (("domain", "light"),))
            for template in self.grammar.cells.get(cell, ())[:4]:
                try:
                    inner = _Filler(self.grammar, template, 0, self.draw, {"area": "kitchen"})
                    found[concept] = _join(inner.pieces(template.expression))[0]
                    break
                except CannotFill:
                    continue
        return found


@lru_cache(maxsize=100_000)
def choose(cell: Cell, slot: str, variant: int, options: tuple[str, ...]) -> str:
    """Return the option with the smallest digest; the same in all languages that have it."""

    def rank(option: str) -> bytes:
        return hashlib.sha256(f"{cell}\t{slot}\t{variant}\t{option}".encode()).digest()

    return min(sorted(options), key=rank)


def fill(grammar: Grammar, template: Template, variant: int, draw: random.Random) -> FilledSentence:
    """Fill a template.

    Raises:
        CannotFill: a slot has no value in this language, or the sentence is empty.
    """
    filler = _Filler(grammar, template, variant, draw, {})
    text, spans = _join(filler.pieces(template.expression))
    if not text or len({span.slot for span in spans}) != len(spans):
        raise CannotFill("an empty sentence, or a slot twice")
    return FilledSentence(text, spans, template.cell, template.text)


@lru_cache(maxsize=1_000)
def _numbers(start: int, stop: int, step: int) -> Mapping[str, str]:
    inside = [str(number) for number in NUMBERS if number in range(start, stop + 1, step)]
    return {number: number for number in inside or [str(start)]}


def _join(pieces: list[Piece]) -> tuple[str, tuple[SlotSpan, ...]]:
    """Join pieces with single spaces; return the text and the spans of slots."""
    text, spans = "", []
    for words, slot, value in pieces:
        start = len(text)
        text = _append(text, words)
        if slot is not None:
            spans.append((slot, value, start, len(text)))
    trimmed = (_trim(text, *span) for span in spans)
    return text.rstrip(), tuple(span for span in trimmed if span.start < span.end)


def _append(text: str, words: str) -> str:
    """Append words to a text, each run of spaces as one, and none at the start."""
    if words[:1].isspace() and text and text[-1] != " ":
        text += " "
    inner = " ".join(words.split())
    return f"{text}{inner} " if inner and words[-1].isspace() else text + inner


def _trim(text: str, slot: str, value: str, start: int, end: int) -> SlotSpan:
    while start < end and text[start] == " ":
        start += 1
    while start < end and text[end - 1] == " ":
        end -= 1
    return SlotSpan(slot, value, start, end)
