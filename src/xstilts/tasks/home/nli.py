"""`home-nli`: do two voice commands have the same meaning?"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence

from xstilts.core.hashing import seed_of
from xstilts.formats.classification import TextExample
from xstilts.tasks.base import TaskSpec
from xstilts.tasks.home.sampling import corpus
from xstilts.tasks.home.sizes import sizes
from xstilts.tasks.home.splits import CITATION, LICENCE, SOURCE, SPLITS, take
from xstilts.tasks.home.template_filling import FilledSentence
from xstilts.tasks.home.templates import fingerprint

ENTAILMENT, NOT_ENTAILMENT = "entailment", "not_entailment"
OPPOSITES = (
    ("TurnOn", "TurnOff"), ("Pause", "Unpause"), ("Increase", "Decrease"), ("Next", "Previous"),
    ("Mute", "Unmute"), ("Add", "Remove"), ("Start", "Cancel"), ("Complete", "Remove"),
)  # fmt: skip


class Pairs:
    """Sentences of a split, indexed by meaning."""

    def __init__(self, sentences: Sequence[FilledSentence]) -> None:
        self.all = sentences
        self.by_meaning = _grouped(sentences, lambda one: one.meaning)
        self.by_cell = _grouped(sentences, lambda one: str(one.cell))
        self.by_full_meaning = _grouped(sentences, _meaning_with_intent)

    def same(self, premise: FilledSentence, draw: random.Random) -> FilledSentence | None:
        """Another sentence with the same meaning, from another template if possible."""
        found = [one for one in self.by_meaning[premise.meaning] if one.text != premise.text]
        fresh = [one for one in found if one.template != premise.template]
        return draw.choice(fresh or found) if found else None

    def near(self, premise: FilledSentence, draw: random.Random) -> FilledSentence | None:
        """A hard negative: the same command with other values, or the opposite command."""
        others = [*self.by_cell[str(premise.cell)], *self._opposites(premise)]
        found = [one for one in others if one.meaning != premise.meaning]
        return draw.choice(found) if found else None

    def far(self, premise: FilledSentence, draw: random.Random) -> FilledSentence:
        """A random sentence of another intent."""
        while True:
            one = draw.choice(self.all)
            if one.cell.intent != premise.cell.intent:
                return one

    def _opposites(self, premise: FilledSentence) -> list[FilledSentence]:
        intent = premise.cell.intent
        names = [intent.replace(a, b) for a, b in OPPOSITES if a in intent and b not in intent]
        names += [intent.replace(b, a) for a, b in OPPOSITES if b in intent]
        return [
            one
            for name in names
            for one in self.by_full_meaning.get(_meaning_with_intent(premise, name), ())
        ]


def _meaning_with_intent(sentence: FilledSentence, intent: str = "") -> str:
    """Return the meaning of a sentence, optionally with another intent."""
    own = sentence.cell.intent
    return sentence.meaning.replace(own, intent or own, 1)


def _grouped(
    sentences: Sequence[FilledSentence], key: Callable[[FilledSentence], str]
) -> dict[str, list[FilledSentence]]:
    groups: dict[str, list[FilledSentence]] = {}
    for sentence in sentences:
        groups.setdefault(key(sentence), []).append(sentence)
    return groups


def read(split: str, language: str) -> Iterator[TextExample]:
    """Yield pairs of commands in one language; half have the same meaning."""
    examples = _balanced(Pairs(corpus(language, split)), f"{language}-{split}")
    yield from take(examples, split)


def _balanced(pairs: Pairs, name: str) -> Iterator[TextExample]:
    """Alternate entailment and not_entailment; alternate hard and random negatives."""
    number, seen = 0, set[tuple[str, str]]()
    for premise in pairs.all:
        draw = random.Random(seed_of("pair", name, premise.text))
        same = pairs.same(premise, draw)
        other = pairs.near(premise, draw) if number % 4 == 0 else None
        other = other or pairs.far(premise, draw)
        if same is None:
            continue
        for hypothesis, label in ((same, ENTAILMENT), (other, NOT_ENTAILMENT)):
            if (premise.text, hypothesis.text) not in seen:
                seen.add((premise.text, hypothesis.text))
                yield TextExample(f"{name}-{number}", premise.text, label, hypothesis.text)
                number += 1


TASK = TaskSpec(
    name="home-nli",
    version=1,
    format="classification",
    splits=SPLITS,
    labels=(ENTAILMENT, NOT_ENTAILMENT),
    metrics=("accuracy",),
    read=read,
    fingerprint=fingerprint,
    summary="does this voice command mean that one?",
    source=SOURCE,
    licence=LICENCE,
    citation=CITATION,
    sizes=sizes("home-nli"),
)
