"""CCG supertagging: the category of each word, which nearly determines the parse.

CCGbank is licensed by the LDC (LDC2005T13) and no public copy exists, so it is read from the user's
files only: `ccg/{train,dev,test}.txt`, a sentence a line as `word|POS|supertag`, or a word and its
supertag on each line with a tab between. The list of supertags is not public either: the labels are
all those in the user's files. A supertag that only dev or test has is a class without training:
such words count as errors, and their sentences are kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from xstilts.core.hashing import digest_of
from xstilts.formats.base import BadRow, Example
from xstilts.formats.io.lines import lines
from xstilts.formats.tagging import TaggedExample
from xstilts.tasks.base import TaskSpec
from xstilts.tasks.builders import ENGLISH, english_task
from xstilts.tasks.io.conll import read_tagged
from xstilts.tasks.io.sources import Local

WORD_LINES = read_tagged((2, 3))
_known: dict[tuple[str, ...], tuple[str, ...]] = {}


def sentences(path: Path, start: str) -> Iterator[Example | BadRow]:
    """The sentences of a file in either form."""
    first = next(lines(path), ("", ""))[1]
    if "\t" in first:
        yield from WORD_LINES(path, start)
        return
    for number, (where, line) in enumerate(lines(path)):
        yield _sentence(line, f"{start}-{number}", where)


def _sentence(line: str, name: str, where: str) -> TaggedExample | BadRow:
    cells = [token.rsplit("|", 2) for token in line.split()]
    wrong = [token for token in cells if len(token) != 3]
    if wrong:
        return BadRow(name, "not word|POS|supertag", repr("|".join(wrong[0])), where)
    words, tags = tuple(cell[0] for cell in cells), tuple(cell[2] for cell in cells)
    return TaggedExample(name, words, tags, where)


def _local(split: str) -> tuple[Local, ...]:
    return (Local((f"ccg/{split}.txt",), sentences),)


def _with_supertags(task: TaskSpec) -> TaskSpec:
    """The task with the supertags of its files, which become a part of its fingerprint."""
    tags = _supertags(task)

    def fingerprint(split: str, language: str) -> str:
        return digest_of([task.fingerprint(split, language), tags])

    return replace(task, labels=tags, fingerprint=fingerprint, with_data_dir=_at)


def _supertags(task: TaskSpec) -> tuple[str, ...]:
    """All supertags, sorted; read once for the same bytes."""
    splits = [split for split in task.splits if task.origin(split, ENGLISH)]
    key = tuple(task.fingerprint(split, ENGLISH) for split in splits)
    if key not in _known:
        examples = (example for split in splits for example in task.read(split, ENGLISH))
        tagged = (example for example in examples if isinstance(example, TaggedExample))
        _known[key] = tuple(sorted({tag for example in tagged for tag in example.tags if tag}))
    return _known[key]


def _at(folder: Path) -> TaskSpec:
    assert _FILES.with_data_dir
    return _with_supertags(_FILES.with_data_dir(folder))


_FILES = english_task(
    name="ccg",
    format="tagging",
    sizes={"train": 38_015, "dev": None, "test": None},
    local=_local,
    metrics=("tag_accuracy",),
    subwords=40,
    summary="the combinatory category of each word",
    licence="of CCGbank, not free",
    citation="Hockenmaier and Steedman 2007, aclanthology.org/J07-3004",
)
CCG = replace(_FILES, with_data_dir=_at)
