"""Tasks of the user's own, from TSV or JSONL files, with file:line in every complaint."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from itertools import count, takewhile
from pathlib import Path

from xstilts.config.experiment import FileTask
from xstilts.core.errors import ConfigError, DataError
from xstilts.core.hashing import digest_of, digest_of_unchanged, seed_of
from xstilts.formats.base import BadRow, Example
from xstilts.formats.classification import TextExample
from xstilts.formats.io.conllu import read_conllu
from xstilts.formats.io.lines import lines
from xstilts.formats.io.readers import Row, json_rows, parquet_rows, parse_rows, tsv_rows
from xstilts.formats.io.squad import read_squad
from xstilts.formats.masked_lm import LineExample
from xstilts.formats.multiple_choice import ChoiceExample
from xstilts.formats.retrieval import RetrievalExample
from xstilts.formats.tagging import TaggedExample
from xstilts.tasks.base import TaskSpec
from xstilts.tasks.io.sources import download

COLUMNS = {
    "classification": ("text", "label"),
    "masked_lm": (),
    "multiple_choice": ("text", "choice1", "choice2", "label"),
    "tagging": ("tokens", "tags"),
    "retrieval": ("text", "meaning"),
    "span": (),
}
METRICS = {
    "classification": ("accuracy",),
    "masked_lm": ("masked_accuracy",),
    "multiple_choice": ("accuracy",),
    "span": ("qa_mean", "exact_match", "token_f1"),
    "tagging": ("span_f1",),
    "retrieval": (
        *("accuracy_at_1", "mrr"),
        *("accuracy_at_1_to_en", "accuracy_at_1_from_en", "mrr_to_en", "mrr_from_en"),
    ),
}

VERSIONS = {"masked_lm": 2}
"""Of the formats whose examples or order have changed."""
UNLABELLED = ("masked_lm", "retrieval", "span")
IN_DATA = "{data}/"
"""How `files` begins if they lie in the folder of the experiment's data."""
UNANSWERABLE = "unanswerable"
"""The label of span tasks that has questions without an answer."""


def file_task(name: str, task: FileTask, folder: Path, data: Path | None = None) -> TaskSpec:
    """The task that an experiment's `tasks` section describes.

    Args:
        folder: the experiment's; data: the folder of its data, if it names one.

    Raises:
        ConfigError: columns or labels that the format needs are not given.
    """
    if task.files.startswith(IN_DATA):
        if data is None:
            raise ConfigError(
                f"the files of {name!r} are in the folder of the experiment's data",
                where="data",
                todo="give it: data: FOLDER in the experiment, or --data",
            )
        folder, task = data, task.model_copy(update={"files": task.files.removeprefix(IN_DATA)})
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
    if task.format not in UNLABELLED and not task.labels:
        raise ConfigError(f"task {name!r} has no labels", where=f"tasks.{name}.labels")
    return TaskSpec(
        name=name,
        version=VERSIONS.get(task.format, 1),
        format=task.format,
        splits=task.splits,
        labels=task.labels,
        metrics=task.metrics or _metrics(task),
        read=partial(_read, task, folder),
        fingerprint=partial(_fingerprint, task, folder),
        origin=partial(_origin, task, folder),
        summary=f"{task.format} from files",
        source=task.source or task.files,
        licence=task.licence,
        alignment_key=_pair,
    )


def _pair(example: Example) -> str:
    """What an example has in common with its translations: its id, else its line.

    Rows without an id of their own are called by file and line.
    """
    place = (example.where or "").rpartition("/")[2]
    return place.rpartition(":")[2] if example.id == place else example.id


def _metrics(task: FileTask) -> tuple[str, ...]:
    """The format's metrics; those of SQuAD v2.0 where a question may have no answer."""
    usual = METRICS[task.format]
    return tuple(f"{name}_v2" for name in usual) if UNANSWERABLE in task.labels else usual


def _path(task: FileTask, folder: Path, split: str, language: str) -> Path:
    code = task.codes.get(language, language)
    return folder / task.files.replace("{split}", split).replace("{language}", code)


def _origin(task: FileTask, folder: Path, split: str, language: str) -> str | None:
    path = _path(task, folder, split, language)
    if task.hub:
        return f"hub {task.hub}"
    return f"file {path}" if path.is_file() else None


def _fingerprint(task: FileTask, folder: Path, split: str, language: str) -> str:
    path = _path(task, folder, split, language)
    if task.hub:
        found: str | None = f"{task.hub}: {path.relative_to(folder)}"
    else:
        found = digest_of_unchanged(path) if path.is_file() else None
    shape = [task.format, task.columns, task.labels, path.suffix]
    return digest_of([*shape, task.rename, found] if task.rename else [*shape, found])


def _read(task: FileTask, folder: Path, split: str, language: str) -> Iterable[Example | BadRow]:
    path = _path(task, folder, split, language)
    if task.hub:
        dataset, _, revision = task.hub.partition("@")
        path = download(dataset, revision, str(path.relative_to(folder)), "")
    if not path.is_file():
        raise DataError(
            f"no file {path}", todo=f"put the {split} split of {language} there, or mend `files`"
        )
    if task.format == "masked_lm":
        return _running_text(path, task)
    if task.format == "span":
        return read_squad(path)
    if task.format == "tagging" and path.suffix == ".conllu":
        return read_conllu(path, split)
    return parse_rows(partial(_rows, task), partial(_example, task.format))(path, path.name)


def _rows(task: FileTask, path: Path, start: str) -> Iterator[Row | BadRow]:
    """Rows with the names of columns that formats know."""
    readers = {".jsonl": json_rows, ".parquet": parquet_rows()}
    for row in readers.get(path.suffix, tsv_rows(task.columns))(path, start):
        if isinstance(row, Row) and task.rename:
            cells = {task.rename.get(name, name): value for name, value in row.cells.items()}
            row = replace(row, cells=cells)
        yield row


def _running_text(path: Path, task: FileTask) -> list[LineExample | BadRow]:
    """One example per line, in the order of the lines' digests.

    The file's name has no say, as no key holds it; parallel files have different orders, so that
    a limit takes different sentences of each.
    """
    found: list[LineExample | BadRow] = []
    for where, line in _lines(path, task):
        if isinstance(line, BadRow):
            found.append(line)
        else:
            found.append(LineExample(str(len(found)), line, where))
    return sorted(found, key=_mixed)


def _mixed(line: LineExample | BadRow) -> int:
    """Where a line comes among the others, a function of its text."""
    return seed_of("line", line.text if isinstance(line, LineExample) else line.id)


def _lines(path: Path, task: FileTask) -> Iterator[tuple[str, str | BadRow]]:
    if path.suffix not in (".jsonl", ".parquet"):
        yield from lines(path)
        return
    for row in _rows(task, path, path.name):
        if isinstance(row, BadRow):
            yield row.where or "", row
        else:
            for line in row.text("text").split("\n"):
                if line.strip():
                    yield row.where, line


def _example(kind: str, row: Row) -> Example:
    if absent := [column for column in COLUMNS[kind] if column not in row.cells]:
        raise DataError(f"no {', '.join(absent)} in the row", where=row.where)
    name = _optional(row, "id") or row.where.rpartition("/")[2]
    if kind == "multiple_choice":
        places = takewhile(row.cells.__contains__, (f"choice{number}" for number in count(1)))
        choices = tuple(row.text(place) for place in places)
        return ChoiceExample(name, row.text("text"), choices, row.text("label"), row.where)
    if kind == "tagging":
        return TaggedExample(name, _words(row, "tokens"), _words(row, "tags"), row.where)
    if kind == "retrieval":
        return RetrievalExample(name, row.text("text"), row.text("meaning"), row.where)
    pair = _optional(row, "text_pair")
    return TextExample(name, row.text("text"), row.text("label"), pair, row.where)


def _optional(row: Row, column: str) -> str | None:
    return None if row.cells.get(column) is None else row.text(column)


def _words(row: Row, column: str) -> tuple[str, ...]:
    """A list of words, or words with spaces between."""
    if isinstance(row.get(column), list):
        return row.texts(column)
    text = row.text(column)
    return tuple(text.split(" ")) if text else ()
