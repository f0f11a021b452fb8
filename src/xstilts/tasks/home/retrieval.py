"""`home-retrieval`: find the sentence of another language that asks for the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Set
from functools import cache, lru_cache

from xstilts.core.hashing import digest_of, seed_of
from xstilts.formats.retrieval import RetrievalExample
from xstilts.tasks.base import TaskSpec
from xstilts.tasks.home.common import CITATION, LICENCE, SOURCE, SPLITS, first
from xstilts.tasks.home.sampling import ENGLISH, corpus
from xstilts.tasks.home.sizes import sizes
from xstilts.tasks.home.template_filling import FilledSentence
from xstilts.tasks.home.templates import fingerprint, spread

ONE_WAY = ("accuracy_at_1_to_en", "accuracy_at_1_from_en", "mrr_to_en", "mrr_from_en")
PARAPHRASES = 2
"""Sentences of a language with one meaning, at most: all of them count as correct."""


def read(split: str, language: str) -> Iterator[RetrievalExample]:
    """Sentences with their meanings; English ones come from test templates alone.

    Every meaning is one that English has. What most languages can say comes first, in the
    same order in all of them, so that the first n sentences of two languages mean mostly
    the same.
    """
    sentences = _english(split)
    if language != ENGLISH:
        sentences = _taken(language, split, {one.meaning for one in sentences})
    for number, sentence in enumerate(sentences):
        yield RetrievalExample(f"{language}-{split}-{number}", sentence.text, sentence.meaning)


@lru_cache(maxsize=1)
def _english(split: str) -> list[FilledSentence]:
    return _taken(ENGLISH, split, {one.meaning for one in corpus(ENGLISH, split)})


def _taken(language: str, split: str, wanted: Set[str]) -> list[FilledSentence]:
    """A language's sentences with the wanted meanings, a few of each."""
    found = Counter[str]()
    kept = []
    for sentence in corpus(language, split):
        if found[sentence.meaning] < PARAPHRASES and sentence.meaning in wanted:
            found[sentence.meaning] += 1
            kept.append(sentence)
    return list(first(sorted(kept, key=_place), split))


def _place(sentence: FilledSentence) -> tuple[int, int, str]:
    return -spread()[sentence.cell], seed_of("meaning", sentence.meaning), sentence.text


@cache
def _all_languages(split: str, _language: str) -> str:
    """The order depends on what every language can say."""
    return digest_of([fingerprint(split, code) for code in SPLITS["test"]])


TASK = TaskSpec(
    name="home-retrieval",
    version=1,
    format="retrieval",
    splits={"test": SPLITS["test"]},
    labels=(),
    metrics=("accuracy_at_1", "mrr", *ONE_WAY),
    read=read,
    fingerprint=_all_languages,
    summary="find the command of another language that asks for the same",
    source=SOURCE,
    licence=LICENCE,
    citation=CITATION,
    sizes=sizes("home-retrieval"),
)
