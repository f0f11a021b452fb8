"""The data of `xstilts demo`: toy tasks in English and in three artificial languages.

The artificial languages have the codes that ISO 639-2 reserves for local use. They are English in
which a fixed share of the words is replaced by invented ones: 25 % (`qaa`), 50 % (`qab`) and 75 %
(`qac`). So the answer is known in advance: transfer falls with the share.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path

from xstilts.core.atomic_io import write_text

KINDS = {
    "animal": "cat dog horse sheep mouse goat duck rabbit fox bear",
    "clothing": "coat shirt hat scarf sock boot glove skirt jacket belt",
    "food": "bread milk apple rice honey cheese soup onion egg plum",
    "tool": "hammer saw spoon needle knife rope brush nail ladder shovel",
}
ADJECTIVES = ["old", "new", "small", "big", "red", "green", "good", "nice"]
STATEMENTS = (
    "the {} {} is here",
    "I saw a {} {} today",
    "there was one {} {} at home",
    "my sister has a {} {}",
    "this {} {} came yesterday",
)
REQUESTS = (
    "give me the {} {} please",
    "where is my {} {} now",
    "can you find a {} {}",
    "please look at this {} {}",
    "bring us one {} {} today",
)
SHARES = {"en": 0.0, "qaa": 0.25, "qab": 0.5, "qac": 0.75}
"""Language → share of its words that English does not have."""
SIZES = {"train": 400, "dev": 60, "test": 120}
TARGET_TRAIN = 24
"""Training examples of the target `demo-topic`."""
SYLLABLES = [a + b for a, b in product("bdfgklmnprstvz", "aeiou")]


@dataclass(frozen=True)
class DemoSentence:
    """An English sentence, its kind of noun, its noun, and whether it is a request."""

    text: str
    kind: str
    noun: str
    is_request: bool


def write_demo_data(folder: Path) -> list[str]:
    """Write the TSV files of the tasks `topic`, `tags` and `request`.

    Returns:
        All sentences, in all languages, to train a tokenizer on.
    """
    folder.mkdir(parents=True, exist_ok=True)
    texts = []
    for split, sentences in _splits().items():
        for language in SHARES:
            texts += [in_language(one.text, language) for one in sentences]
            if split != "test" and language != "en":
                continue
            for task, lines in _lines(sentences, language).items():
                if split == "train" and task == "topic":
                    lines = lines[:TARGET_TRAIN]
                write_text(folder / f"{task}-{split}-{language}.tsv", "\n".join([*lines, ""]))
    return texts


def in_language(sentence: str, language: str) -> str:
    """The sentence with the words that differ in a language replaced."""
    replaced = _replaced_words(SHARES[language])
    return " ".join(_invented(word) if word in replaced else word for word in sentence.split())


@cache
def _replaced_words(share: float) -> frozenset[str]:
    """This share of the nouns, and of all other words; those of a smaller share are among them."""
    nouns = {noun for names in KINDS.values() for noun in names.split()}
    others = {*ADJECTIVES, *" ".join((*STATEMENTS, *REQUESTS)).split()} - {"{}"}
    ranked = (sorted(words, key=_digest) for words in (nouns, others))
    return frozenset(word for words in ranked for word in words[: round(share * len(words))])


def _invented(word: str) -> str:
    return "".join(SYLLABLES[byte % len(SYLLABLES)] for byte in _digest(word)[: 2 + len(word) // 4])


def _digest(word: str) -> bytes:
    return hashlib.sha256(word.encode()).digest()


def _splits() -> dict[str, list[DemoSentence]]:
    """Split → sentences of its own; one shuffled list, cut into parts."""
    sentences = list(_sentences())
    random.Random("xstilts demo").shuffle(sentences)
    parts, start = {}, 0
    for split, size in SIZES.items():
        parts[split] = sentences[start : start + size]
        start += size
    return parts


def _sentences() -> Iterator[DemoSentence]:
    for templates, is_request in ((STATEMENTS, False), (REQUESTS, True)):
        for kind, nouns in KINDS.items():
            for template, adjective, noun in product(templates, ADJECTIVES, nouns.split()):
                yield DemoSentence(template.format(adjective, noun), kind, noun, is_request)


def _lines(sentences: Sequence[DemoSentence], language: str) -> dict[str, list[str]]:
    """Task → the lines of its file: the text in a language, and the label or tags."""
    lines: dict[str, list[str]] = {"topic": [], "tags": [], "request": []}
    for one in sentences:
        text = in_language(one.text, language)
        tags = (f"B-{one.kind}" if word == one.noun else "O" for word in one.text.split())
        lines["topic"].append(f"{text}\t{one.kind}")
        lines["tags"].append(f"{text}\t{' '.join(tags)}")
        lines["request"].append(f"{text}\t{'request' if one.is_request else 'statement'}")
    return lines
