"""Download a task of tasksource once, and record what its files say of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from xstilts.core.errors import DataError
from xstilts.tasks.io.sources import PARQUET, download
from xstilts.tasks.tasksource.annotation import SPLITS, Annotation
from xstilts.tasks.tasksource.hub_files import Files, split_files
from xstilts.tasks.tasksource.labels import LabelSet, choice_labels, class_names, label_set
from xstilts.tasks.tasksource.names import name_of
from xstilts.tasks.tasksource.package import annotation, licence_of, package_version
from xstilts.tasks.tasksource.record import TaskRecord, write_record
from xstilts.tasks.tasksource.source_column import SourceColumn
from xstilts.tasks.tasksource.task import check_readable, value_text

CHARACTERS = 4
"""Characters of a sub-word, for the estimate of lengths."""
SAMPLE = 500
"""Rows whose lengths are measured."""


@dataclass(frozen=True)
class _Downloaded:
    """A data set on this machine; split: train, dev or test."""

    revision: str
    files: Mapping[str, tuple[str, ...]]
    paths: Mapping[str, tuple[Path, ...]]


def download_task(name: str) -> TaskRecord:
    """Download the files of a task into the Hub's cache, and write its record.

    Raises:
        ConfigError, MissingPackageError: there is no such task, or it cannot be read.
        DataError: the Hub cannot be reached, or the data set is not as tasksource describes it.
    """
    check_readable(name)
    found = annotation(name)
    try:
        record = _record(found, _download(found))
    except DataError as error:
        where = f"{name_of(found.id)} ({found.dataset})"
        raise DataError(f"{where}: {error.what}", where=error.where, todo=error.todo) from error
    write_record(record)
    return record


def _download(found: Annotation) -> _Downloaded:
    revision, paths = _listing(found.dataset, found.revision or PARQUET)
    files = _by_split(found, split_files(paths, found.dataset, found.config))
    local = {
        split: tuple(download(found.dataset, revision, path, "") for path in paths)
        for split, paths in files.items()
    }
    return _Downloaded(revision, files, local)


def _listing(dataset: str, revision: str) -> tuple[str, list[str]]:
    """The commit that a revision stands for, and the paths of its files.

    Raises:
        DataError: the Hub has no such data set or revision, or cannot be reached.
    """
    from huggingface_hub import HfApi

    try:
        info = HfApi().dataset_info(dataset, revision=revision)
    except Exception as error:  # huggingface_hub also raises the errors of its HTTP library
        raise DataError(
            f"the files of {dataset}@{revision} cannot be listed "
            f"({type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''})",
            todo="check your network, and whether the data set must be asked for (hf auth login)",
        ) from error
    return str(info.sha), [one.rfilename for one in info.siblings or ()]


def _by_split(found: Annotation, files: Files) -> dict[str, tuple[str, ...]]:
    """Train, dev and test → files; the only split of a data set is train, as in tasksource.

    Raises:
        DataError: there is no split to train on.
    """
    chosen = {ours: files[name] for ours, name in found.splits.items() if name in files}
    if "train" not in chosen and len(files) == 1:
        return {"train": next(iter(files.values()))}
    if "train" not in chosen:
        raise DataError(
            f"no split {found.splits.get('train', 'train')}; it has {', '.join(sorted(files))}",
            todo="tasksource would divide another split; define it as a custom task",
        )
    return chosen


def _record(found: Annotation, got: _Downloaded) -> TaskRecord:
    columns = _present_columns(found, got.paths["train"])
    form = found.format
    may_be_score = form == "classification" and not found.label_names  # names are of classes
    if may_be_score and _is_fraction(columns["label"], got.paths["train"]):
        form, columns["score"] = "regression", columns.pop("label")
    labelled = {
        split: paths
        for split, paths in got.paths.items()
        if form == "regression" or split == "train" or _has_labels(found, columns, paths)
    }
    labels, names = _labels(found, form, columns, labelled)
    return TaskRecord(
        id=found.id,
        format=form,
        dataset=found.dataset,
        revision=got.revision,
        files={split: got.files[split] for split in SPLITS if split in labelled},
        rows={split: _rows(paths) for split, paths in labelled.items()},
        columns=columns,
        labels=labels,
        label_names=names,
        subwords=_subwords(columns, got.paths["train"]),
        licence=licence_of(found.id),
        package=package_version(),
        max_rows=found.max_rows,
    )


def _present_columns(found: Annotation, paths: Sequence[Path]) -> dict[str, SourceColumn]:
    """The columns of the format, without a second text that the data set has not.

    Raises:
        DataError: the data set lacks a column.
    """
    known = set(pq.read_schema(paths[0]).names)
    kept = {
        name: column
        for name, column in found.columns.items()
        if not (column.if_present and column.tops(known) - known)
    }
    wanted = {top for column in kept.values() for top in column.tops(known)}
    if absent := sorted(wanted - known):
        raise DataError(
            f"no column {', '.join(absent)}; there are {', '.join(sorted(known))}",
            todo="another version of tasksource may name other columns",
        )
    return kept


def _gold(columns: Mapping[str, SourceColumn]) -> SourceColumn:
    return columns["tags"] if "tags" in columns else columns["label"]


def _is_fraction(column: SourceColumn, paths: Sequence[Path]) -> bool:
    """Whether labels are stored as floating-point numbers, so that they are scores."""
    if len(column.paths) != 1 or "." in column.paths[0]:
        return False
    return bool(pa.types.is_floating(pq.read_schema(paths[0]).field(column.paths[0]).type))


def _has_labels(
    found: Annotation, columns: Mapping[str, SourceColumn], paths: Sequence[Path]
) -> bool:
    """Whether any row of a split has a label; those of published test sets are often hidden."""
    column = _gold(columns)
    texts = (value_text(one, found.label_names) for one in _distinct(column, paths))
    return bool(column.constant) or any(texts)


def _labels(
    found: Annotation,
    form: str,
    columns: Mapping[str, SourceColumn],
    labelled: Mapping[str, Sequence[Path]],
) -> LabelSet:
    if form == "regression":
        return (), {}
    column = _gold(columns)
    paths = [path for files in labelled.values() for path in files]
    values = _distinct(column, paths)
    if form == "multiple_choice":
        return choice_labels(values, found.label_names, _choices(columns, paths), column.constant)
    return label_set(values, found.label_names, class_names(paths, column.paths[0]))


def _choices(columns: Mapping[str, SourceColumn], paths: Sequence[Path]) -> int:
    """The number of choices.

    Raises:
        DataError: it differs between rows.
    """
    if "choices" not in columns:
        return sum(name.startswith("choice") for name in columns)
    numbers = {len(value or ()) for value in _values(columns["choices"], paths)}
    if len(numbers) != 1:
        raise DataError(
            f"rows have {min(numbers, default=0)} to {max(numbers, default=0)} choices, and all "
            "rows of a task need equally many",
            todo="tasksource keeps as many as the shortest row has; define a custom task",
        )
    return numbers.pop()


def _values(column: SourceColumn, paths: Sequence[Path]) -> Iterator[Any]:
    for path in paths:
        tops = sorted(column.tops(pq.read_schema(path).names))
        for batch in pq.ParquetFile(path).iter_batches(columns=tops):
            yield from map(column.value, batch.to_pylist())


def _distinct(column: SourceColumn, paths: Sequence[Path]) -> set[Any]:
    """The labels in files; those in lists, one by one.

    Raises:
        DataError: labels are neither texts nor numbers.
    """
    found: set[Any] = set()
    for value in _values(column, paths) if column.paths else ():
        ones = value if isinstance(value, list) else [value]
        if any(isinstance(one, dict | list | bytes) for one in ones):
            raise DataError(f"labels are not texts or numbers: {str(ones[0])[:60]}")
        found.update(ones)
    return found


def _rows(paths: Sequence[Path]) -> int:
    return sum(pq.read_metadata(path).num_rows for path in paths)


def _subwords(columns: Mapping[str, SourceColumn], paths: Sequence[Path]) -> int:
    """The length of a typical example, a round number of at least 8."""
    texts = [one for name, one in columns.items() if name not in ("label", "score", "tags")]
    known = pq.read_schema(paths[0]).names
    tops = sorted(set().union(*(column.tops(known) for column in texts)))
    batch = next(pq.ParquetFile(paths[0]).iter_batches(SAMPLE, columns=tops), None)
    lengths = [
        sum(len(str(column.value(cells))) for column in texts)
        for cells in (batch.to_pylist() if batch else ())
    ]
    mean = sum(lengths) / max(1, len(lengths)) / CHARACTERS
    return max(8, round(mean / 8) * 8)
