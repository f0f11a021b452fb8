"""XTREME's file formats: pairs and tagged words as TSV."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NoReturn

from xstilts.core.errors import ConfigError, DataError
from xstilts.core.keys import digest_of, digest_of_file, seed_of
from xstilts.tasks.base import Example, TaggedExample, TaskSpec, TextExample
from xstilts.tasks.files import lines

FileOf = Callable[[str, str], str]
"""(split, language) → path of the file within XTREME's folder."""
Parse = Callable[[Path], Iterable[Example]]


def official(spec: TaskSpec, file_of: FileOf, parse: Parse) -> TaskSpec:
    """The task with its files in a folder that is yet to be named.

    Examples come in the order of their ids' digests, so that any first n are a fair sample.
    Lines are numbered alike in all languages: parallel sets keep their order in common.
    """

    def at(folder: Path) -> TaskSpec:
        read = partial(_read, folder, file_of, parse)
        return replace(made, read=read, fingerprint=partial(_fingerprint, folder, file_of))

    made = replace(spec, at=at)
    return made


def homeless(_split: str, _language: str) -> NoReturn:
    """What a task without a folder says when it is read."""
    raise ConfigError(
        "the task is read from files that you have",
        where="data",
        todo="give the folder of XTREME's download: data: FOLDER in the experiment, or --data",
    )


def _read(
    folder: Path, file_of: FileOf, parse: Parse, split: str, language: str
) -> Iterable[Example]:
    path = folder / file_of(split, language)
    if not path.is_file():
        raise DataError(f"no file {path}", todo="complete XTREME's download, or mend `data`")
    return sorted(parse(path), key=lambda example: seed_of("xtreme", example.id))


def _fingerprint(folder: Path, file_of: FileOf, split: str, language: str) -> str:
    path = folder / file_of(split, language)
    return digest_of([file_of(split, language), digest_of_file(path) if path.is_file() else None])


def _numbered(path: Path, number: int) -> str:
    """An example's id: the split from the file's name, without the language, and its number."""
    return f"{path.stem.rpartition('-')[0]}-{number}"


def pairs(path: Path) -> Iterator[TextExample]:
    """Premise, hypothesis and, where it was not removed, label."""
    for number, (where, line) in enumerate(lines(path)):
        cells = line.split("\t")
        if len(cells) not in (2, 3):
            raise DataError(
                f"{len(cells)} columns",
                where=where,
                todo="two texts and a label, with tabs between",
            )
        label = cells[2].strip() if len(cells) == 3 else ""
        yield TextExample(_numbered(path, number), cells[0], label, cells[1], where)


def tagged(path: Path) -> Iterator[TaggedExample]:
    """A word and its tag on each line, a blank line after each sentence."""
    words: list[str] = []
    tags: list[str] = []
    start, number = "", 0
    for where, line in lines(path, blank=True):
        if line.strip():
            word, _, tag = line.partition("\t")
            start = start or where
            words.append(word)
            tags.append(tag.strip())
        elif words:
            yield TaggedExample(_numbered(path, number), tuple(words), tuple(tags), start)
            words, tags, start, number = [], [], "", number + 1
    if words:
        yield TaggedExample(_numbered(path, number), tuple(words), tuple(tags), start)
