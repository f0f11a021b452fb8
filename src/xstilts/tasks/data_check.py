"""The state of a task's data: found or missing, rows, labels, problems."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from xstilts.core.errors import ConfigError, MissingDataError, XstiltsError
from xstilts.formats.base import Example
from xstilts.tasks.base import TaskSpec
from xstilts.tasks.image_checks import filter_images
from xstilts.tasks.io.image_tables import HubImages
from xstilts.tasks.label_spellings import Spellings
from xstilts.tasks.origin import describe_origins, local_files, needs_download
from xstilts.tasks.row_filter import DUPLICATE
from xstilts.tasks.row_problems import RowProblems
from xstilts.tasks.validate import too_many_problems, usable_rows

IMAGES = 200
"""Rows of a split whose images are read and decoded."""


class SplitState(StrEnum):
    """Whether a split of a language can be used."""

    FOUND = "found"
    MISSING = "missing"
    BROKEN = "broken"
    HUB = "on the hub"
    """Not in the folder; a run downloads it."""
    BLANK = "blank"
    """Labels that were removed, or dummies, where they are to be trained or tuned on."""


@dataclass(frozen=True)
class SplitReport:
    """One split of a task in one language.

    Args:
        needed: whether a missing split is an error.
        file: the file of its first example; empty if it has none.
        rows: usable ones, as far as images were read (`IMAGES`).
        images: distinct images that these rows name.
        blank: whether the labels were removed, or are dummies; such a test set is still found.
        counts: bad and duplicate rows by kind of problem.
        first: the first problems in words, with file and line.
        why: what is missing or broken.
        spellings: of labels that are other spellings of the task's.
    """

    task: str
    split: str
    language: str
    needed: bool
    state: SplitState
    file: str = ""
    rows: int = 0
    images: int = 0
    blank: bool = False
    counts: Mapping[str, int] = field(default_factory=dict)
    first: tuple[str, ...] = ()
    why: str = ""
    spellings: Spellings = field(default_factory=Spellings)

    @property
    def fails(self) -> bool:
        """Whether the suite cannot be run because of it."""
        return self.needed and self.state not in (SplitState.FOUND, SplitState.HUB)


def check_split(
    task: TaskSpec, split: str, language: str, data: Path | None = None, *, needed: bool = True
) -> SplitReport:
    """Read one split of a task in one language and report its state; problems are not raised.

    Nothing is downloaded.

    Args:
        data: folder of the user's files.
    """
    place = task.name, split, language, needed
    try:
        found = task.with_data_dir(data) if task.with_data_dir and data else task
        origins = found.origin(split, language)
        if needs_download(origins):
            return SplitReport(*place, SplitState.HUB, file=describe_origins(origins))
        kept, rules = usable_rows(found.read(split, language), found, split)
        problems, total = rules.problems, rules.total
        usable, why_images = _with_usable_images(found, split, kept, problems)
    except (XstiltsError, OSError) as error:
        state = SplitState.MISSING if _is_missing(error) else SplitState.BROKEN
        return SplitReport(*place, state, why=_in_one_line(error))
    spec = task.format_spec
    is_blank = spec.gold_is_blank if split == "test" else spec.is_uninformative
    blank = is_blank(spec.gold_of_examples(kept))
    state, why = _verdict(split, blank, total, len(kept))
    if total == 0 and (files := local_files(origins)):
        why = f"{files}: {why}"
    if why_images and state is SplitState.FOUND:
        state, why = SplitState.BROKEN, why_images
    if state is SplitState.BLANK and split in task.unlabelled:
        place = task.name, split, language, False
        why = "published without labels: no checkpoint is chosen by it (checkpoint: last)"
    return SplitReport(
        *place,
        state,
        file=_file(kept[0]) if kept else "",
        rows=len(usable),
        images=len({name for example in usable for name in getattr(example, "images", ())}),
        blank=blank,
        counts=dict(sorted(problems.counts.items())),
        first=tuple(text for text in problems.first if DUPLICATE not in text),
        why=why,
        spellings=rules.labels.spellings(found),
    )


def _with_usable_images(
    task: TaskSpec, split: str, examples: Sequence[Example], problems: RowProblems
) -> tuple[Sequence[Example], str]:
    """The examples without those whose images cannot be used, and why the split cannot be.

    Images of the first ones are read, which are a random sample; the reason may be blank.
    """
    source = task.images(split) if task.images else None
    if source is None or isinstance(source, HubImages):
        return examples, ""
    usable, _, read = filter_images(examples[:IMAGES], source, None, problems)
    why = ""
    if read and too_many_problems(read, len(usable)):
        why = f"{read - len(usable):,} of the first {read:,} rows have images that cannot be used"
    return [*usable, *examples[IMAGES:]], why


def _verdict(split: str, blank: bool, total: int, kept: int) -> tuple[SplitState, str]:
    if total == 0:
        return SplitState.BROKEN, "no rows"
    if too_many_problems(total, kept):
        return SplitState.BROKEN, f"{total - kept:,} of {total:,} rows cannot be used"
    if blank and split != "test":
        return (
            SplitState.BLANK,
            "nothing can be trained or tuned on labels that are blank or all equal",
        )
    return SplitState.FOUND, ""


def _is_missing(error: Exception) -> bool:
    """Whether data are missing, rather than broken."""
    return isinstance(error, ConfigError | MissingDataError)  # ConfigError: no folder was given


def _file(example: Example) -> str:
    """The path in an example's place: `FILE:12`, or `FILE: data[3].paragraphs[0]`."""
    return re.sub(r":(\d+| data\[.*)$", "", example.where or "")


def _in_one_line(error: Exception) -> str:
    return " → ".join(part.strip(" →") for part in str(error).splitlines())
