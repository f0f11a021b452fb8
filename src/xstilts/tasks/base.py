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
from xstilts.tasks.image_source import ImageSource
from xstilts.tasks.origin import PACKAGE_ORIGIN, Origin

Examples = Iterable[Example | BadRow]
Conversion = tuple[str, Example]
"""The kind of change, and the changed example."""
Reader = Callable[[str, str], Examples]
"""(split, language) → examples, always the same ones in the same order.

The order is shuffled: the first n examples are a random sample, which limits rely on.
"""


BY_ID = attrgetter("id")
"""The alignment key of tasks whose ids are those of the translations."""
ALIGNMENT = "alignment_key"
"""Parameter of prepared rows that have a column of this name, with their alignment keys."""


def package_origin(_split: str, _language: str) -> tuple[Origin, ...]:
    """The origin of tasks that need neither files nor the Hub."""
    return (PACKAGE_ORIGIN,)


def no_estimate(_split: str, _language: str) -> None:
    """Nothing is known of the number of examples."""


def unconverted(examples: Examples) -> tuple[Examples, list[Conversion]]:
    """For tasks whose labels are used as they are read."""
    return examples, []


@dataclass(frozen=True)
class TaskSpec:
    """One data set: its format, languages, splits, labels and metrics, and how to read it.

    Args:
        name: the name users write, e.g. `home-intents`.
        version: raise it when the examples or their order change.
        format: a name in `xstilts.formats.FORMATS`.
        splits: split → languages that have it; `train` and `dev` need the training language.
        labels: every label in the order of the classes; empty where the format has none.
        metrics: names in `xstilts.metrics`, the main one first.
        read: see `Reader`.
        fingerprint: (split, language) → digest of everything the reader reads for it.
        train_language: the language that it is trained in by default.
        sizes: (split, language) → number of examples, where known without reading.
        estimated_size: (split, language) → about how many examples, None if not even that is known.
        with_data_dir: folder → the task with the user's files in it; none for tasks that need
            no folder.
        subwords: of a typical example, for the estimate of time.
        trained_on: the task whose training data its benchmark prescribes, if not its own.
        includes_data_of: other tasks whose training data are part of its own.
        pool_split: what `read` calls the sentences that a language is searched in;
            `en:{language}` where every language has English sentences of its own.
        pool_parts: what `read` calls the sets of candidates that together are the one pool that
            every language is searched in, such as `candidates:de`; empty for other tasks.
        origin: (split, language) → the sources that `read` would use, several for a
            concatenation of tasks; empty if the split is missing. Opens no file.
        with_revisions: {hub dataset: revision} → the task at these revisions; none for tasks
            without a hub source. Datasets that the task does not read are ignored.
        hub: the hub dataset of the task; empty where there is none.
        alignment_key: what an example has in common with its translations; slices of a split
            are drawn by it, so that translations are in the same slice.
        alignment_version: raise it when `alignment_key` changes; in keys of limits and slices only.
        unlabelled: splits besides test whose published copy has no labels, so that the last
            checkpoint is used (`checkpoint: last`).
        translates: (task, split) whose examples it contains in translation; training on them
            would leak its answers.
        in_file_order: whether `read` keeps the order of a file, which may be sorted by label; a
            limit then draws a sample.
        modalities: the modalities of an example, such as text and image.
        missing_modalities: modalities of its benchmark that this version leaves out.
        convert: examples of a split → examples with other labels, and the changes.
        label_map: of the user's own tasks, label in the files → label; none for tasks without one.
        withholds_image: whether its examples are used without their images, as a control of the
            task with images.
        control_of: the task whose control it is: it has the same examples without what that task
            is to show, such as their images.
        shuffled_from: the task whose labels are shuffled in its training rows, as a control.
        images: split → the images that its examples name by id; none for tasks of text alone.
        worker_context: what a worker needs to make the task, where its name does not suffice.
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
    estimated_size: Callable[[str, str], int | None] = no_estimate
    with_data_dir: Callable[[Path], TaskSpec] | None = None
    subwords: int = 16
    train_task: str = ""
    includes_data_of: tuple[str, ...] = ()
    pool_split: str = "en"
    pool_parts: tuple[str, ...] = ()
    origin: Callable[[str, str], tuple[Origin, ...]] = package_origin
    with_revisions: Callable[[Mapping[str, str]], TaskSpec] | None = None
    hub: str = ""
    alignment_key: Callable[[Any], str] = BY_ID
    alignment_version: int = 1
    unlabelled: tuple[str, ...] = ()
    translates: tuple[tuple[str, str], ...] = ()
    in_file_order: bool = False
    modalities: tuple[str, ...] = ("text",)
    missing_modalities: tuple[str, ...] = ()
    convert: Callable[[Examples], tuple[Examples, list[Conversion]]] = unconverted
    label_map: Mapping[str, str] | None = None
    withholds_image: bool = False
    control_of: str = ""
    shuffled_from: str = ""
    images: Callable[[str], ImageSource] | None = None
    worker_context: Mapping[str, Any] = field(default_factory=dict)

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

    def known_size(self, split: str, language: str) -> int | None:
        """The number of rows of a split in a language, exact or estimated; None if unknown."""
        size = self.sizes.get((split, language))
        return self.estimated_size(split, language) if size is None else size

    @property
    def languages(self) -> tuple[str, ...]:
        """Languages with a test split, the training language first."""
        return self.languages_of("test")

    def languages_of(self, split: str) -> tuple[str, ...]:
        """Languages that have a split, the training language first."""
        found = dict.fromkeys(self.splits.get(split, ()))
        return tuple(sorted(found, key=lambda code: (code != self.train_language, code)))
