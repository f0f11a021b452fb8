"""`tasksource:NAME` as a task, from its record."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from xstilts.core.errors import ConfigError, DataError
from xstilts.core.hashing import digest_of
from xstilts.formats import FORMATS
from xstilts.formats.base import Example, LeftOutRow
from xstilts.formats.io.readers import FileRow, parquet_rows, parse_rows
from xstilts.formats.tag_schemes import TagScheme, respelled_tags, scheme_of_labels
from xstilts.tasks.base import Conversion, Examples, TaskSpec, unconverted
from xstilts.tasks.builders import ENGLISH
from xstilts.tasks.io.sources import Hub, Sources, placeholder, with_sources
from xstilts.tasks.label_conversion import convert_tags, converted_labels
from xstilts.tasks.tasksource.names import id_of, name_of
from xstilts.tasks.tasksource.package import annotation
from xstilts.tasks.tasksource.record import TaskRecord, download_command, read_record

CONTEXT = "tasksource"
"""Key of the record in the context of a stage."""
CITATION = "by tasksource (Sileo 2023, arXiv 2301.05948); cite the data set as its card says"
VERSION = 1
"""Raise it when the same record and files give other examples."""
LABELS = ("label", "tags")
NO_LABEL = "no label, left out as in tasksource"


def find_task(name: str, where: str | None = None) -> TaskSpec:
    """The task of that name.

    Raises:
        ConfigError: tasksource has no such task, it was not downloaded, or xstilts cannot read it.
        MissingPackageError: it was not downloaded, and tasksource is not installed.
    """
    if record := read_record(id_of(name)):
        return task_of_record(record)
    check_readable(name, where)
    raise ConfigError(
        f"{name} is not on this machine: its labels and files are known once it is downloaded",
        where=where,
        todo=f"download it once: {download_command(name)}",
    )


def check_readable(name: str, where: str | None = None) -> None:
    """Refuse a task that xstilts cannot read.

    Raises:
        ConfigError: there is no such task, or names of columns do not express it.
    """
    found = annotation(name, where)
    if found.problem:
        raise ConfigError(
            f"{name_of(found.id)} cannot be read by its columns: {found.problem}",
            where=where,
            todo=f"write its rows to files with tasksource.load_task({found.id!r}), and declare "
            "these as a custom task: docs/reference/tasks.md, tasksource",
        )


def task_of_record(record: TaskRecord) -> TaskSpec:
    """The task that a record describes."""
    spec = FORMATS.get(record.format)
    name, labels, metrics = name_of(record.id), record.labels, spec.metrics_of(record.labels)
    convert = unconverted
    if spec.class_of == "word":
        if scheme_of_labels(labels) is TagScheme.MIXED or respelled_tags(labels):
            metrics = ("tag_accuracy",)
        else:
            labels = tuple(converted_labels(name, labels))
            convert = partial(_in_bio, record)
    made = TaskSpec(
        name=name,
        version=VERSION,
        format=record.format,
        splits=dict.fromkeys(record.files, (ENGLISH,)),
        labels=labels,
        metrics=metrics,
        read=placeholder,
        fingerprint=placeholder,
        summary=f"{record.format} from {record.dataset}, as tasksource describes it",
        source=f"https://huggingface.co/datasets/{record.dataset}",
        licence=record.licence,
        citation=CITATION,
        sizes={(split, ENGLISH): rows for split, rows in record.rows.items()},
        subwords=record.subwords,
        hub=record.dataset,
        convert=convert,
        worker_context={CONTEXT: record.model_dump(mode="json")},
    )
    read = with_sources(made, Sources(lambda _split, _language: (), partial(_hub, record)))
    return replace(
        read,
        fingerprint=partial(_fingerprint, record, read),
        with_data_dir=None,
        with_revisions=None,  # the commit is that of the record
    )


def _in_bio(record: TaskRecord, examples: Examples) -> tuple[Examples, list[Conversion]]:
    return convert_tags(examples, "tags", record.labels)


def _hub(record: TaskRecord, split: str, _language: str) -> Hub | None:
    if split not in record.files:
        return None
    parse = parse_rows(parquet_rows(), partial(_example, record))
    return Hub(record.dataset, record.revision, record.files[split], parse)


def _fingerprint(record: TaskRecord, read: TaskSpec, split: str, language: str) -> str:
    """Data set, commit and files, and everything that decides which examples they give."""
    columns = {name: one.model_dump(mode="json") for name, one in record.columns.items()}
    shape = [record.format, columns, record.labels, record.label_names]
    return digest_of([read.fingerprint(split, language), *shape])


def _example(record: TaskRecord, row: FileRow) -> Example | LeftOutRow:
    """The example of a row; one without a label is left out, as in tasksource, and counted."""
    files = FORMATS.get(record.format).files
    assert files is not None
    assert files.example is not None
    cells = _cells(record, row)
    if cells.get("label") == "":
        return LeftOutRow(row.id, NO_LABEL, where=row.where)
    if absent := [column for column in files.columns if column not in cells]:
        raise DataError(f"no {', '.join(absent)} in the row", where=row.where)
    return files.example(row.id, FileRow(cells, row.where, row.id, record.labels))


def _cells(record: TaskRecord, row: FileRow) -> Mapping[str, Any]:
    """The cells of a row by the columns of the format."""
    cells = {name: column.value(row.cells) for name, column in record.columns.items()}
    choices = cells.pop("choices", None)
    if choices is not None:
        cells |= {f"choice{number}": choice for number, choice in enumerate(choices, 1)}
    for name in LABELS:
        if name in cells:
            cells[name] = _label(record, cells[name])
    return cells


def _label(record: TaskRecord, value: Any) -> Any:
    if isinstance(value, list):
        return [_label(record, one) for one in value]
    text = value_text(value, record.label_names)
    return record.label_names.get(text, text)


def value_text(value: Any, named: Collection[str] = ()) -> str:
    """A label in a data set as text; blank for none, and for negative numbers, which hide it.

    Args:
        named: values that stand for labels, negative numbers among them.
    """
    if value is None:
        return ""
    is_whole = isinstance(value, float) and value.is_integer()
    text = str(int(value)) if is_whole else str(value)
    hides = isinstance(value, int | float) and value < 0 and text not in named
    return "" if hides else text
