"""The sentences of a language and split, in an order whose beginning is a balanced sample."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import TypeVar

from xstilts.core.hashing import seed_of
from xstilts.tasks.home.template_filling import CannotFill, FilledSentence, fill
from xstilts.tasks.home.templates import Cell, Template, grammar

T = TypeVar("T")
ENGLISH = "en"
VARIANTS = 8
"""Assignments of slot values per cell."""
PER_CELL, PER_TEMPLATE = 128, (6, 32)
"""Sentences tried per cell, and the fewest and most per template; duplicates fall away."""


def split_of(cell: Cell, templates: Sequence[Template]) -> dict[str, str]:
    """Template text → split, for the English templates of one cell.

    About 70 % of the templates train, 15 % are dev and 15 % test; a cell with one template
    only trains, with two it trains and tests.
    """
    order = sorted(templates, key=lambda one: seed_of("split", cell, one.text))
    if len(order) == 1:
        return {order[0].text: "train"}
    count = len(order)
    held = max(1, round(0.15 * count))
    dev = held if count > 2 else 0
    names = ["test"] * held + ["dev"] * dev + ["train"] * (count - held - dev)
    return {one.text: name for one, name in zip(order, names, strict=True)}


@lru_cache(maxsize=8)
def corpus(language: str, split: str) -> tuple[FilledSentence, ...]:
    """Distinct sentences; English ones from the split's templates, others from all.

    A text that stands for more than one intent is left out, and so is any English dev or
    test text that the earlier splits contain.
    """
    return tuple(_interleaved(_distinct(_sentences(language, split), _before(language, split))))


def _before(language: str, split: str) -> frozenset[str]:
    """Texts that must not come again: those of English train, for dev and test, and of dev."""
    if language != ENGLISH or split == "train":
        return frozenset()
    seen = frozenset(sentence.text.casefold() for sentence in corpus(ENGLISH, "train"))
    if split == "test":
        seen |= frozenset(sentence.text.casefold() for sentence in corpus(ENGLISH, "dev"))
    return seen


def _sentences(language: str, split: str) -> Iterator[FilledSentence]:
    found = grammar(language)
    for cell, templates in found.cells.items():
        if language == ENGLISH:
            part = split_of(cell, templates)
            templates = tuple(one for one in templates if part[one.text] == split)
        fewest, most = PER_TEMPLATE
        tries = min(most, max(fewest, PER_CELL // max(1, len(templates))))
        for template in templates:
            for number in range(tries):
                draw = random.Random(seed_of("home", language, template.text, number))
                try:
                    yield fill(found, template, number % VARIANTS, draw)
                except CannotFill:
                    continue


def _distinct(sentences: Iterable[FilledSentence], seen: frozenset[str]) -> list[FilledSentence]:
    """One sentence per text, none with an ambiguous text or one that was seen before."""
    intents: dict[str, set[str]] = {}
    first: dict[str, FilledSentence] = {}
    for sentence in sentences:
        text = sentence.text.casefold()
        intents.setdefault(text, set()).add(sentence.cell.intent)
        first.setdefault(text, sentence)
    return [
        sentence for text, sentence in first.items() if text not in seen and len(intents[text]) == 1
    ]


def _interleaved(sentences: list[FilledSentence]) -> Iterator[FilledSentence]:
    """Round robin over intents, within an intent over cells, within a cell over templates."""
    tree: dict[str, dict[Cell, dict[str, list[FilledSentence]]]] = {}
    for sentence in sentences:
        cells = tree.setdefault(sentence.cell.intent, {})
        cells.setdefault(sentence.cell, {}).setdefault(sentence.template, []).append(sentence)
    yield from round_robin(
        [
            list(
                round_robin(
                    [_mixed(list(by_template.values())) for by_template in _mixed_cells(cells)]
                )
            )
            for _, cells in sorted(tree.items())
        ]
    )


def _mixed_cells(
    cells: dict[Cell, dict[str, list[FilledSentence]]],
) -> list[dict[str, list[FilledSentence]]]:
    return [cells[cell] for cell in sorted(cells, key=lambda cell: seed_of("cell", cell))]


def _mixed(groups: list[list[FilledSentence]]) -> list[FilledSentence]:
    """Round robin over templates, each template's sentences in shuffled order."""
    shuffled = [
        sorted(group, key=lambda sentence: seed_of("order", sentence.text)) for group in groups
    ]
    return list(round_robin(shuffled))


def round_robin(groups: Sequence[Sequence[T]]) -> Iterator[T]:
    """The first of every group, then the second of every group that has one, and so on."""
    for place in range(max(map(len, groups), default=0)):
        yield from (group[place] for group in groups if place < len(group))
