"""Tasks of the user's own, from TSV or JSONL files, with file:line in every complaint."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from itertools import count, takewhile
from pathlib import Path
from typing import Any

from xstilts.config.experiment import FileTask
from xstilts.core.errors import ConfigError, DataError
from xstilts.core.keys import digest_of, digest_of_file
from xstilts.tasks.base import (
    ChoiceExample,
    Example,
    MeaningExample,
    TaggedExample,
    TaskSpec,
    TextExample,
)
from xstilts.tasks.squad import read_squad

COLUMNS = {
    "classification": ("text", "label"),
    "multiple_choice": ("text", "choice1", "choice2", "label"),
    "tagging": ("tokens", "tags"),
    "retrieval": ("text", "meaning"),
    "span": (),
}
METRICS = {
    "classification": ("accuracy",),
    "multiple_choice": ("accuracy",),
    "span": ("qa_mean", "exact_match", "token_f1"),
    "tagging": ("span_f1",),
    "retrieval": (
        *("accuracy_at_1", "mrr"),
        *("accuracy_at_1_to_en", "accuracy_at_1_from_en", "mrr_to_en", "mrr_from_en"),
    ),
}

UNANSWERABLE = "unanswerable"
"""The label of span tasks that has questions without an answer."""


def file_task(name: str, task: FileTask, folder: Path) -> TaskSpec:
    """The task that an experiment's `tasks` section describes.

    Raises:
        ConfigError: columns or labels that the format needs are not given.
    """
    needed = COLUMNS[task.format]
    if task.columns and (missing := set(needed) - set(task.columns)):
        raise ConfigError(
            f"task {name!r} names no column {', '.join(sorted(missing))}",
            where=f"tasks.{name}.columns",
            todo=f"format {task.format} needs {', '.join(needed)}; id and text_pair may be added",
        )
    if task.format == "span" and not task.files.endswith(".json"):
        raise ConfigError(
            f"task {name!r} of format span is read from SQuAD's JSON only",
            where=f"tasks.{name}.files",
        )
    if task.format not in ("retrieval", "span") and not task.labels:
        raise ConfigError(f"task {name!r} has no labels", where=f"tasks.{name}.labels")
    return TaskSpec(
        name=name,
        version=1,
        format=task.format,
        splits=task.splits,
        labels=task.labels,
        metrics=task.metrics or _metrics(task),
        read=partial(_read, task, folder),
        fingerprint=partial(_fingerprint, task, folder),
        summary=f"{task.format} from files",
        source=task.source or task.files,
        licence=task.licence,
    )


def _metrics(task: FileTask) -> tuple[str, ...]:
    """The format's metrics; those of SQuAD v2.0 where a question may have no answer."""
    usual = METRICS[task.format]
    return tuple(f"{name}_v2" for name in usual) if UNANSWERABLE in task.labels else usual


def _path(task: FileTask, folder: Path, split: str, language: str) -> Path:
    return folder / task.files.replace("{split}", split).replace("{language}", language)


def _fingerprint(task: FileTask, folder: Path, split: str, language: str) -> str:
    path = _path(task, folder, split, language)
    found = digest_of_file(path) if path.is_file() else None
    return digest_of([task.format, task.columns, task.labels, path.suffix, found])


def _read(task: FileTask, folder: Path, split: str, language: str) -> Iterable[Example]:
    path = _path(task, folder, split, language)
    if not path.is_file():
        raise DataError(
            f"no file {path}", todo=f"put the {split} split of {language} there, or mend `files`"
        )
    if task.format == "span":
        return read_squad(path)
    rows = _jsonl(path) if path.suffix == ".jsonl" else _tsv(path, task.columns)
    return (_example(task.format, row, where) for where, row in rows)


def lines(path: Path, *, blank: bool = False) -> Iterator[tuple[str, str]]:
    """(file:line, text) of every line; a byte-order mark and CR before LF are dropped.

    Args:
        blank: whether blank lines are among them.

    Raises:
        DataError: not UTF-8, with the line.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise DataError("not UTF-8", where=f"{path}:{line}", todo="save it as UTF-8") from error
    for number, line_text in enumerate(text.split("\n"), start=1):
        if blank or line_text.strip():
            yield f"{path}:{number}", line_text.removesuffix("\r")


def _tsv(path: Path, columns: tuple[str, ...]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for where, line in lines(path):
        cells = line.split("\t")
        if len(cells) != len(columns):
            raise DataError(
                f"{len(cells)} columns where {len(columns)} are declared",
                where=where,
                todo=f"the columns are {', '.join(columns)}, separated by tabs",
            )
        yield where, dict(zip(columns, cells, strict=True))


def _jsonl(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for where, line in lines(path):
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise DataError(f"not JSON: {error.msg}", where=where) from None
        if not isinstance(row, dict):
            raise DataError("a line must hold one JSON object", where=where)
        yield where, row


def _example(kind: str, row: Mapping[str, Any], where: str) -> Example:
    if absent := [column for column in COLUMNS[kind] if column not in row]:
        raise DataError(f"no {', '.join(absent)} in the row", where=where)
    name = _text(row.get("id"), where) or where.rpartition("/")[2]
    if kind == "multiple_choice":
        places = takewhile(row.__contains__, (f"choice{number}" for number in count(1)))
        choices = tuple(_text(row[place], where) for place in places)
        text, label = _text(row["text"], where), _text(row["label"], where)
        return ChoiceExample(name, text, choices, label, where)
    if kind == "tagging":
        return TaggedExample(name, _words(row["tokens"], where), _words(row["tags"], where), where)
    if kind == "retrieval":
        return MeaningExample(name, _text(row["text"], where), _text(row["meaning"], where), where)
    pair = row.get("text_pair")
    text, label = _text(row["text"], where), _text(row["label"], where)
    return TextExample(name, text, label, None if pair is None else _text(pair, where), where)


def _text(value: Any, where: str) -> str:
    """A cell as text; JSON's null is a blank one."""
    if isinstance(value, bool | list | dict):
        raise DataError(f"{json.dumps(value)[:60]} where a text is expected", where=where)
    return "" if value is None else str(value)


def _words(value: Any, where: str) -> tuple[str, ...]:
    if isinstance(value, list):
        return tuple(_text(word, where) for word in value)
    text = _text(value, where)
    return tuple(text.split(" ")) if text else ()
