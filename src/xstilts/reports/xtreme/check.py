"""Check that a submission is complete and that evaluate.py will read it correctly."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from xstilts.core.errors import DataError
from xstilts.reports.xtreme import reference_files
from xstilts.reports.xtreme.layout import PARTS, Form, Part
from xstilts.reports.xtreme.read import read_answers, read_lines, read_sentences
from xstilts.tasks import TASKS

SHOWN = 5
"""Problems listed per file; the rest are counted."""


class Problem(NamedTuple):
    """A problem of one file or folder of a submission; `line` starts at 1, None: all of it."""

    file: str
    line: int | None
    what: str

    def __str__(self) -> str:
        return f"{self.file}{f':{self.line}' if self.line else ''}: {self.what}"


Problems = Iterator[tuple[int | None, str]]
"""(line, problem) within one file."""


def check_submission(folder: Path, data: Path | None = None) -> list[str]:
    """All problems of a submission, with file and line; empty if it is complete.

    Args:
        folder: holds the nine task folders.
        data: XTREME's download, or a folder that contains it as `xtreme`; without it, numbers of
            lines, sentences and words, and ids, are not compared.
    """
    return [str(problem) for problem in problems(folder, data)]


def problems(folder: Path, data: Path | None = None) -> Iterator[Problem]:
    """See `check_submission`."""
    expected = {part.folder: part for part in PARTS.values()}
    for path in _visible(folder):
        if path.name not in expected:
            yield Problem(path.name, None, f"not a task folder ({', '.join(expected)})")
    for part in expected.values():
        if (folder / part.folder).is_dir():
            yield from _of_part(folder, part, data)
        else:
            yield Problem(part.folder, None, "no such folder: evaluate.py skips the task")


def _visible(folder: Path) -> list[Path]:
    found = folder.iterdir() if folder.is_dir() else ()
    return sorted(path for path in found if not path.name.startswith("."))


def _of_part(folder: Path, part: Part, data: Path | None) -> Iterator[Problem]:
    files = {part.file(language): language for language in part.languages}
    for path in _visible(folder / part.folder):
        name = f"{part.folder}/{path.name}"
        if name not in files:
            yield Problem(name, None, "evaluate.py does not read this file")
    for name, language in files.items():
        if not (folder / name).is_file():
            yield Problem(name, None, "no such file: evaluate.py stops with an error")
            continue
        found = _of_file(folder / name, part, language, data)
        yield from (Problem(name, line, what) for line, what in islice(found, SHOWN))
        if rest := sum(1 for _ in found):
            yield Problem(name, None, f"{rest:,} more problems")


def _of_file(path: Path, part: Part, language: str, data: Path | None) -> Problems:
    try:
        yield from CHECKS[part.form](path, part, language, data)
    except DataError as error:
        yield None, f"cannot be compared with the test set: {error.what} ({error.where})"
    except UnicodeDecodeError:
        yield None, "not UTF-8"
    except json.JSONDecodeError as error:
        yield error.lineno, f"not JSON: {error.msg}"
    except ValueError as error:
        yield 1, str(error)


def _labels(path: Path, part: Part, language: str, data: Path | None) -> Problems:
    found = read_lines(path)
    expected = reference_files.examples(part, language, data) if data else None
    if expected is not None and len(expected) != len(found):
        yield None, f"{len(found):,} lines for {len(expected):,} test examples"
    for number, label in enumerate(found, start=1):
        yield from ((number, what) for what in _outside(label, part))


def _outside(label: str, part: Part) -> Iterator[str]:
    known = TASKS.get(part.task).labels
    if label not in known:
        yield (
            f"{label!r} is not a label of {part.folder} ({', '.join(known)})" if label else "blank"
        )


def _tags(path: Path, part: Part, language: str, data: Path | None) -> Problems:
    found = read_sentences(path)
    words = reference_files.words(part, language, data) if data else None
    if words is not None and len(words) != len(found):
        yield None, f"{len(found):,} sentences for {len(words):,} test sentences"
    for index, (line, tags) in enumerate(found):
        if not tags:
            yield line, "extra blank line: evaluate.py reads it as an empty sentence"
        elif words is not None and index < len(words) and len(tags) != words[index]:
            yield line, f"sentence {index + 1} has {len(tags)} tags for {words[index]} words"
        for offset, tag in enumerate(tags):
            yield from ((line + offset, what) for what in _outside(tag, part))


def _answers(path: Path, part: Part, language: str, data: Path | None) -> Problems:
    found = read_answers(path)
    text = path.read_text(encoding="utf-8").splitlines()
    counts = Counter(name for name, _ in found)
    for name, answer in found:
        if not isinstance(answer, str):
            yield _line(text, name), f"the answer to {name!r} is not a string"
    for name in (name for name, count in counts.items() if count > 1):
        yield (
            _line(text, name),
            f"{name!r} is answered {counts[name]} times; evaluate.py uses the last answer",
        )
    expected = reference_files.examples(part, language, data) if data else None
    if expected is not None:
        known = {one.id.partition("#")[0]: None for one in expected}
        for name in (name for name in counts if name not in known):
            yield _line(text, name), f"{name!r} is not a question of the test set"
        for name in (name for name in known if name not in counts):
            yield None, f"no answer to question {name!r}"


def _line(text: Sequence[str], name: str) -> int:
    return next((number for number, line in enumerate(text, 1) if json.dumps(name) in line), 1)


def _pairs(path: Path, part: Part, language: str, data: Path | None) -> Problems:
    known = reference_files.sides(part, language, data) if data else None
    ids = [{line.partition("\t")[0] for line in side} for side in known] if known else None
    found = read_lines(path)
    if not found:
        yield None, "no pairs"
    for number, line in enumerate(found, start=1):
        names = line.split("\t")
        if len(names) != 2:
            yield number, f"{len(names)} columns instead of two ids separated by a tab"
            continue
        for name, code, side in zip(names, (language, "en"), ids or (None, None), strict=True):
            if side is None and not name.startswith(f"{code}-"):
                yield number, f"{name!r} is not an id of {code}; the foreign id comes first"
            if side is not None and name not in side:
                yield number, f"{name!r} is not an id of the {code} test file"


def _numbers(path: Path, part: Part, language: str, data: Path | None) -> Problems:
    found = read_lines(path)
    known = reference_files.sides(part, language, data) if data else None
    if known and len(known[1]) != len(found):
        yield None, f"{len(found):,} lines for {len(known[1]):,} English lines"
    for number, line in enumerate(found, start=1):
        if not line.isdecimal() or line != str(int(line)):
            yield number, f"{line!r} is not a line number (0, 1, 2 …)"
        elif known and int(line) >= len(known[0]):
            yield (
                number,
                f"{line} is beyond the last line, {len(known[0]) - 1}, of the {language} file",
            )


CHECKS = {
    Form.LABELS: _labels,
    Form.TAGS: _tags,
    Form.ANSWERS: _answers,
    Form.PAIRS: _pairs,
    Form.NUMBERS: _numbers,
}
