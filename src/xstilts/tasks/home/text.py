"""`home-text`: voice commands in other languages as plain text, for masked language modelling."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from xstilts.core.hashing import digest_of
from xstilts.formats.masked_lm import LineExample
from xstilts.tasks.base import TaskSpec
from xstilts.tasks.home.lexicon import languages
from xstilts.tasks.home.sampling import ENGLISH, corpus
from xstilts.tasks.home.sizes import sizes
from xstilts.tasks.home.splits import CITATION, LICENCE, SOURCE, take
from xstilts.tasks.home.templates import fingerprint

SPLITS = {"train": tuple(code for code in languages() if code != ENGLISH)}


@lru_cache(maxsize=1)
def _retrieved_meanings() -> frozenset[str]:
    """Meanings that `home-retrieval` searches for."""
    return frozenset(sentence.meaning for sentence in corpus(ENGLISH, "test"))


def read(split: str, language: str) -> Iterator[LineExample]:
    """Yield commands of a language whose meaning is not in `home-retrieval`."""
    sentences = (
        sentence
        for sentence in corpus(language, "test")
        if sentence.meaning not in _retrieved_meanings()
    )
    for number, sentence in enumerate(take(sentences, split)):
        yield LineExample(f"{language}-{split}-{number}", sentence.text)


def _fingerprint(_split: str, language: str) -> str:
    return digest_of([fingerprint("test", language), fingerprint("test", ENGLISH)])


TASK = TaskSpec(
    name="home-text",
    version=1,
    format="masked_lm",
    splits=SPLITS,
    labels=(),
    metrics=("masked_accuracy",),
    read=read,
    fingerprint=_fingerprint,
    summary="voice commands as text, of which words are masked",
    source=SOURCE,
    licence=LICENCE,
    citation=CITATION,
    sizes=sizes("home-text"),
    subwords=10,
)
