"""`home-slots`: slot filling of voice commands as BIO tagging, and two disjoint parts of it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import lru_cache, partial

from xstilts.formats.tagging import TaggedExample
from xstilts.tasks.base import TaskSpec
from xstilts.tasks.home.sampling import ENGLISH, corpus
from xstilts.tasks.home.sizes import sizes
from xstilts.tasks.home.splits import CITATION, LICENCE, SOURCE, SPLITS, take
from xstilts.tasks.home.template_filling import FilledSentence
from xstilts.tasks.home.templates import fingerprint

SLOTS = (
    "area", "brightness", "color", "conversation_command", "device_class", "fan_mode", "floor",
    "hours", "item", "media_class", "message", "minutes", "name", "percentage", "position",
    "search_query", "seconds", "start_hours", "start_minutes", "start_seconds", "state",
    "temperature", "volume_level", "volume_step",
)  # fmt: skip
TAGS = ("O", *(f"{prefix}-{slot}" for slot in SLOTS for prefix in "BI"))
UNSPACED = re.compile("[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
"""Characters of scripts without spaces between words: Thai, kana, Han."""


def words(text: str) -> Iterator[tuple[int, int]]:
    """Yield start and end of words; in scripts without spaces, of characters with their marks."""
    start = None
    for position, character in enumerate(text):
        alone = UNSPACED.match(character) and not unicodedata.category(character).startswith("M")
        if start is not None and (character == " " or alone or _ends_letter(text, start, position)):
            yield start, position
            start = None
        if start is None and character != " ":
            start = position
    if start is not None:
        yield start, len(text)


def _ends_letter(text: str, start: int, position: int) -> bool:
    """Whether the word at `start` is a character of a script without spaces that ends here."""
    is_mark = unicodedata.category(text[position]).startswith("M")
    return bool(UNSPACED.match(text[start])) and not is_mark


def tagged(sentence: FilledSentence) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return words and BIO tags; a word is in a slot if they share a character."""
    word_spans = list(words(sentence.text))
    tags = ["O"] * len(word_spans)
    for span in sentence.spans:
        inside = [n for n, (a, b) in enumerate(word_spans) if a < span.end and b > span.start]
        for order, number in enumerate(inside):
            if tags[number] == "O":
                tags[number] = f"{'I' if order else 'B'}-{span.slot}"
    return tuple(sentence.text[a:b] for a, b in word_spans), tuple(tags)


@lru_cache(maxsize=1)
def trained_slots() -> frozenset[str]:
    """Slots with examples in English train; other slots cannot be learned."""
    return frozenset(span.slot for one in corpus(ENGLISH, "train") for span in one.spans)


def is_question(intent: str) -> bool:
    """Whether commands of an intent ask about the home or are about a timer."""
    return intent.startswith("HassGet") or "Timer" in intent


def every(_intent: str) -> bool:
    """All intents, of `home-slots`."""
    return True


def read(wanted: Callable[[str], bool], split: str, language: str) -> Iterator[TaggedExample]:
    """Yield commands of the wanted intents with their slots as BIO tags over words."""
    known = trained_slots() & set(SLOTS)
    sentences = (
        one
        for one in corpus(language, split)
        if wanted(one.cell.intent) and all(span.slot in known for span in one.spans)
    )
    for number, sentence in enumerate(take(sentences, split)):
        yield TaggedExample(f"{language}-{split}-{number}", *tagged(sentence))


TASK = TaskSpec(
    name="home-slots",
    version=1,
    format="tagging",
    splits=SPLITS,
    labels=TAGS,
    metrics=("span_f1",),
    read=partial(read, every),
    fingerprint=fingerprint,
    summary="which words of a voice command are the room, the time, the name …?",
    source=SOURCE,
    licence=LICENCE,
    citation=CITATION,
    sizes=sizes("home-slots"),
    includes_data_of=("home-slots-questions", "home-slots-actions"),
)
QUESTIONS = replace(
    TASK,
    name="home-slots-questions",
    read=partial(read, is_question),
    sizes=sizes("home-slots-questions"),
    summary="home-slots in questions about the home and in commands to timers",
    includes_data_of=(),
)
ACTIONS = replace(
    TASK,
    name="home-slots-actions",
    read=partial(read, lambda intent: not is_question(intent)),
    sizes=sizes("home-slots-actions"),
    summary="home-slots in all other commands",
    includes_data_of=(),
)
