"""What a task is: labelled examples in some languages, a format, and metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from operator import attrgetter
from pathlib import Path
from typing import Any

from xstilts.formats import FORMATS
from xstilts.formats.base import BadRow, Example
from xstilts.formats.spec import FormatSpec

Reader = Callable[[str, str], Iterable[Example | BadRow]]
"""(split, language) → examples, always the same ones in the same order.

The order is already shuffled so that its first n are a fair sample of size n: a stage
that takes fewer examples takes the first ones.
"""


def bundled_origin(_split: str, _language: str) -> str:
    """The origin of tasks that need neither files nor the hub."""
    return "installed package"


@dataclass(frozen=True)
class TaskSpec:
    """One data set: its format, languages, splits, labels and metrics, and how to read it.

    Args:
        name: the name users write, e.g. `home-intents`.
        version: raise it when the examples or their order change.
        format: a name in `xstilts.formats.FORMATS`.
        splits: split → languages that have it; `train` and `dev` need English.
        labels: every label in the order of the classes; empty where the format has none.
        metrics: names in `xstilts.metrics`, the main one first.
        read: see `Reader`.
        fingerprint: (split, language) → digest of everything the reader reads for it.
        sizes: (split, language) → number of examples, where known without reading.
        at: folder → the task with the user's files in it; none for tasks that need no folder.
        subwords: of a typical example, for the estimate of time.
        train_task: the task whose training data its benchmark prescribes, if not its own.
        holds: other tasks whose training data are part of its own.
        english_side: what `read` calls the sentences that a language's are searched in;
            `en:{language}` where every language has English sentences of its own.
        origin: (split, language) → where `read` would find it, in words: `file PATH` or
            `hub ID@REVISION`; none where it is missing. Cheap: nothing is opened.
        pinned: {hub dataset: revision} → the task at these revisions; none for tasks without
            a hub source. Datasets that the task does not read are passed over.
        hub: the hub datasets that are the task's own; empty where the hub does not have it.
        pair: what an example has in common with its translations in other languages; shares of
            a split are drawn from it.
        unlabelled: splits besides test of which a published copy has no labels, so that the last
            checkpoint is kept there (`checkpoint: last`).
        translates: (task, split) whose examples it has in translation: training on them would
            give its answers away.
        modalities: what an example is made of, such as text and image.
        left_out: what its benchmark shows beside that, and this form of it does not.
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
    with_data_dir: Callable[[Path], TaskSpec] | None = None
    subwords: int = 16
    train_task: str = ""
    includes_data_of: tuple[str, ...] = ()
    pool_split: str = "en"
    origin: Callable[[str, str], str | None] = bundled_origin
    with_revisions: Callable[[Mapping[str, str]], TaskSpec] | None = None
    hub: str = ""
    alignment_key: Callable[[Any], str] = attrgetter("id")
    unlabelled: tuple[str, ...] = ()
    translates: tuple[tuple[str, str], ...] = ()
    modalities: tuple[str, ...] = ("text",)
    missing_modalities: tuple[str, ...] = ()

    @property
    def format_spec(self) -> FormatSpec:
        """Everything that depends on its format."""
        return FORMATS.get(self.format)

    @property
    def train_languages(self) -> tuple[str, ...]:
        """Languages that it is trained in by default: all, if its format has no gold answers."""
        if self.format_spec.gold is None:
            return tuple(self.splits.get("train", ()))
        return (self.train_language,)

    @property
    def languages(self) -> tuple[str, ...]:
        """Languages with a test split, the training language first."""
        return self.languages_of("test")

    def languages_of(self, split: str) -> tuple[str, ...]:
        """Languages that have a split, the training language first."""
        found = dict.fromkeys(self.splits.get(split, ()))
        return tuple(sorted(found, key=lambda code: (code != self.train_language, code)))
