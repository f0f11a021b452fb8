"""Sentences of a language and split, in an order whose prefixes are balanced samples."""

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
"""Sampled sentences per cell, and their minimum and maximum per template, with duplicates."""


def split_of(cell: Cell, templates: Sequence[Template]) -> dict[str, str]:
    """Return template text → split for the English templates of a cell.

    About 70 % of the templates are train, 15 % dev and 15 % test; a single template is train,
    two are train and test.
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
    """Return distinct sentences: English ones from the templates of the split, others from all.

    Texts with more than one intent are excluded, and English dev and test texts that occur in
    an earlier split.
    """
    return tuple(
        _interleaved(_distinct(_sentences(language, split), _earlier_texts(language, split)))
    )


def _earlier_texts(language: str, split: str) -> frozenset[str]:
    """Texts of the earlier English splits."""
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
    """Return one sentence per text, without ambiguous texts and texts in `seen`."""
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
    """Interleave sentences round-robin over intents, their cells, and the cells' templates."""
    tree: dict[str, dict[Cell, dict[str, list[FilledSentence]]]] = {}
    for sentence in sentences:
        cells = tree.setdefault(sentence.cell.intent, {})
        cells.setdefault(sentence.cell, {}).setdefault(sentence.template, []).append(sentence)
    yield from round_robin(
        [
            list(
                round_robin(
                    [
                        _interleave_templates(list(by_template.values()))
                        for by_template in _shuffled_cells(cells)
                    ]
                )
            )
            for _, cells in sorted(tree.items())
        ]
    )


def _shuffled_cells(
    cells: dict[Cell, dict[str, list[FilledSentence]]],
) -> list[dict[str, list[FilledSentence]]]:
    return [cells[cell] for cell in sorted(cells, key=lambda cell: seed_of("cell", cell))]


def _interleave_templates(groups: list[list[FilledSentence]]) -> list[FilledSentence]:
    """Interleave templates round-robin, with the sentences of each template shuffled."""
    shuffled = [
        sorted(group, key=lambda sentence: seed_of("order", sentence.text)) for group in groups
    ]
    return list(round_robin(shuffled))


def round_robin(groups: Sequence[Sequence[T]]) -> Iterator[T]:
    """Yield the first item of every group, then the second of every group that has one, …"""
    for index in range(max(map(len, groups), default=0)):
        yield from (group[index] for group in groups if index < len(group))
