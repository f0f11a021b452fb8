"""What a task is: labelled examples in some languages, a format, and metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class TextExample:
    """One text, or a pair of texts, with a class label (format `classification`)."""

    id: str
    text: str
    label: str
    text_pair: str | None = None
    where: str | None = None


@dataclass(frozen=True)
class TaggedExample:
    """One sentence as words with one tag each (format `tagging`; BIO tags mark spans)."""

    id: str
    tokens: tuple[str, ...]
    tags: tuple[str, ...]
    where: str | None = None


@dataclass(frozen=True)
class MeaningExample:
    """One sentence and the meaning it expresses (format `retrieval`).

    Two sentences, of any languages, are correct answers to each other when their
    `meaning` is the same string; several sentences of a language may share one.
    """

    id: str
    text: str
    meaning: str
    where: str | None = None


@dataclass(frozen=True)
class ChoiceExample:
    """A text and its possible continuations (format `multiple_choice`).

    `label` is the task's label at the place of the right choice; a task with four labels has
    four choices in every example.
    """

    id: str
    text: str
    choices: tuple[str, ...]
    label: str
    where: str | None = None


@dataclass(frozen=True)
class SpanExample:
    """A question whose answers are stretches of a text (format `span`).

    `starts` are the characters of `context` at which the `answers` begin; no answer at all
    means that the text does not answer the question.
    """

    id: str
    question: str
    context: str
    answers: tuple[str, ...]
    starts: tuple[int, ...]
    where: str | None = None


Example = TextExample | TaggedExample | MeaningExample | ChoiceExample | SpanExample

Reader = Callable[[str, str], Iterable[Example]]
"""(split, language) → examples, always the same ones in the same order.

The order is already shuffled so that its first n are a fair sample of size n: a stage
that takes fewer examples takes the first ones.
"""


@dataclass(frozen=True)
class TaskSpec:
    """One data set: its format, languages, splits, labels and metrics, and how to read it.

    Args:
        name: the name users write, e.g. `home-intents`.
        version: raise it when the examples or their order change.
        format: name of a module in `xstilts.formats`.
        splits: split → languages that have it; `train` and `dev` need English.
        labels: every label in the order of the classes; empty where the format has none.
        metrics: names in `xstilts.metrics`, the main one first.
        read: see `Reader`.
        fingerprint: (split, language) → digest of everything the reader reads for it.
        sizes: (split, language) → number of examples, where known without reading.
        at: folder → the task with the user's files in it; none for tasks that need no folder.
    """

    name: str
    version: int
    format: str
    splits: Mapping[str, tuple[str, ...]]
    labels: tuple[str, ...]
    metrics: tuple[str, ...]
    read: Reader
    fingerprint: Callable[[str, str], str]
    summary: str = ""
    source: str = ""
    licence: str = ""
    citation: str = ""
    train_language: str = "en"
    sizes: Mapping[tuple[str, str], int] = field(default_factory=dict)
    at: Callable[[Path], TaskSpec] | None = None

    @property
    def languages(self) -> tuple[str, ...]:
        """Languages with a test split, the training language first."""
        return self.languages_of("test")

    def languages_of(self, split: str) -> tuple[str, ...]:
        """Languages that have a split, the training language first."""
        found = dict.fromkeys(self.splits.get(split, ()))
        return tuple(sorted(found, key=lambda code: (code != self.train_language, code)))
