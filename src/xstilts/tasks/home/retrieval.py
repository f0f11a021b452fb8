"""`home-retrieval`: retrieve the voice command with the same meaning in another language."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Set
from functools import cache, lru_cache

from xstilts.core.hashing import digest_of, seed_of
from xstilts.formats.retrieval import RetrievalExample
from xstilts.tasks.base import TaskSpec
from xstilts.tasks.home.sampling import ENGLISH, corpus
from xstilts.tasks.home.sizes import sizes
from xstilts.tasks.home.splits import CITATION, LICENCE, SOURCE, SPLITS, take
from xstilts.tasks.home.template_filling import FilledSentence
from xstilts.tasks.home.templates import fingerprint, languages_per_cell

DIRECTIONAL_METRICS = ("accuracy_at_1_to_en", "accuracy_at_1_from_en", "mrr_to_en", "mrr_from_en")
PARAPHRASES = 2
"""Maximum number of sentences per language and meaning; all of them are correct."""


def read(split: str, language: str) -> Iterator[RetrievalExample]:
    """Yield sentences with their meanings; English sentences are only from test templates.

    All meanings occur in English. Meanings that most languages have come first, in the same order
    in all languages, so that the first n sentences of two languages have mostly the same meanings.
    """
    sentences = _english(split)
    if language != ENGLISH:
        sentences = _with_meanings(language, split, {one.meaning for one in sentences})
    for number, sentence in enumerate(sentences):
        yield RetrievalExample(f"{language}-{split}-{number}", sentence.text, sentence.meaning)


@lru_cache(maxsize=1)
def _english(split: str) -> list[FilledSentence]:
    return _with_meanings(ENGLISH, split, {one.meaning for one in corpus(ENGLISH, split)})


def _with_meanings(language: str, split: str, meanings: Set[str]) -> list[FilledSentence]:
    """Return the sentences of a language with some meanings, at most `PARAPHRASES` of each."""
    counts = Counter[str]()
    kept = []
    for sentence in corpus(language, split):
        if counts[sentence.meaning] < PARAPHRASES and sentence.meaning in meanings:
            counts[sentence.meaning] += 1
            kept.append(sentence)
    return list(take(sorted(kept, key=_sort_key), split))


def _sort_key(sentence: FilledSentence) -> tuple[int, int, str]:
    return -languages_per_cell()[sentence.cell], seed_of("meaning", sentence.meaning), sentence.text


@cache
def _all_languages(split: str, _language: str) -> str:
    """Fingerprint of all languages, because the order depends on the cells of all of them."""
    return digest_of([fingerprint(split, code) for code in SPLITS["test"]])


TASK = TaskSpec(
    name="home-retrieval",
    version=1,
    format="retrieval",
    splits={"test": SPLITS["test"]},
    labels=(),
    metrics=("accuracy_at_1", "mrr", *DIRECTIONAL_METRICS),
    read=read,
    fingerprint=_all_languages,
    summary="find the command of another language that asks for the same",
    source=SOURCE,
    licence=LICENCE,
    citation=CITATION,
    sizes=sizes("home-retrieval"),
)
