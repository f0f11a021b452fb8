"""Predictions that were made elsewhere: read, checked against a test set, and scored.

A file has a row with `id` and `prediction` for every example, as JSON lines, TSV or CSV with a
header, or Parquet; other columns are ignored.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from math import isnan
from pathlib import Path
from typing import Any

from xstilts.analysis.predicted_tags import in_bio, is_known, scheme_of_predictions
from xstilts.analysis.score_intervals import ScoreInterval, interval_of
from xstilts.core.errors import DataError
from xstilts.core.normal_forms import other_form
from xstilts.formats.base import BadRow, Example
from xstilts.formats.io.cells import is_missing
from xstilts.formats.io.json_array import json_array_rows
from xstilts.formats.io.readers import FileRow, Rows, json_rows, parquet_rows
from xstilts.formats.io.tables import named_csv_rows, tsv_rows
from xstilts.formats.tag_schemes import TagScheme
from xstilts.metrics import METRICS
from xstilts.tasks.base import TaskSpec

logger = logging.getLogger(__name__)
ID, PREDICTION, LANGUAGE = "id", "prediction", "language"
READERS: Mapping[str, Callable[[], Rows]] = {
    ".jsonl": lambda: json_rows,
    ".json": lambda: json_array_rows,
    ".tsv": tsv_rows,
    ".csv": named_csv_rows,
    ".parquet": parquet_rows,
}
"""Suffix → reader of a file of predictions."""
TEXT_TABLES = (".tsv", ".csv")
EMPTY = (
    "%s: %s of %s predictions are empty, scored as no answer: TSV and CSV cannot tell these from "
    "missing ones; JSON lines and Parquet can (null is refused)"
)
LISTED = 5
"""Problems that a message names."""


@dataclass(frozen=True)
class Prediction:
    """One row of a file.

    Args:
        language: of its column; empty without one.
        value: as the metrics of the task read it.
    """

    id: str
    language: str
    value: Any
    where: str


def is_scorable(task: TaskSpec) -> bool:
    """Whether a prediction of the task is a label, tags, a number or a text."""
    spec = task.format_spec
    return spec.training is not None and (bool(spec.class_of) or task.format in SCORABLE)


SCORABLE = ("regression", "span")
"""Formats without labels whose predictions are values, not vectors or ranks."""


def read_predictions(path: Path, task: TaskSpec) -> list[Prediction]:
    """The predictions in a file.

    Raises:
        DataError: an unknown ending, a row that is no prediction for the task, an id twice, or a
            language in some rows alone.
    """
    suffix = path.suffix.lower()
    if suffix not in READERS:
        raise DataError(
            f"predictions in a file with the ending {suffix or 'of none'} cannot be read",
            where=str(path),
            todo=f"use one of {', '.join(READERS)}",
        )
    if not path.is_file():
        raise DataError("there is no such file", where=str(path), todo="correct its path")
    rows = (_prediction(row, task) for row in _with_labels(READERS[suffix]()(path, ""), task))
    found: dict[tuple[str, str], Prediction] = {}
    for one in rows:
        if first := found.get((one.language, one.id)):
            raise DataError(
                f"the id {one.id!r} is also in {first.where}", where=one.where, todo="keep one row"
            )
        found[one.language, one.id] = one
    if not found:
        raise DataError(
            "the file has no predictions",
            where=str(path),
            todo="give a row with id and prediction for every example; --template FILE writes a "
            "file with the ids",
        )
    _check_languages(list(found.values()))
    empty = sum(one.value == "" for one in found.values())
    if empty and suffix in TEXT_TABLES:
        logger.warning(EMPTY, path, empty, len(found))
    return list(found.values())


def _check_languages(predictions: Sequence[Prediction]) -> None:
    unnamed = [one for one in predictions if not one.language]
    if 0 < len(unnamed) < len(predictions):
        raise DataError(
            f"the row has no {LANGUAGE}, as {len(unnamed)} of {len(predictions)} rows",
            where=unnamed[0].where,
            todo="name the language of every row, or of none",
        )


def _with_labels(rows: Iterable[FileRow | BadRow], task: TaskSpec) -> Iterator[FileRow]:
    for row in rows:
        if isinstance(row, BadRow):
            raise DataError(f"{row.problem} {row.detail}".rstrip(), where=row.where)
        yield FileRow(row.cells, row.where, row.id, task.labels)


def _prediction(row: FileRow, task: TaskSpec) -> Prediction:
    for column in (ID, PREDICTION):
        if column not in row.cells:
            raise DataError(
                f"the row has no {column!r}: it has {', '.join(row.cells) or 'nothing'}",
                where=row.where,
                todo="give the columns id and prediction; --template FILE writes a file with "
                "the ids",
            )
    language = row.optional_text(LANGUAGE) or ""
    return Prediction(row.key(ID), language, _value(row, task), row.where)


def _value(row: FileRow, task: TaskSpec) -> Any:
    """A prediction as the metrics read it.

    Raises:
        DataError: it is missing, or no label of the task or no number.
    """
    kind = task.format_spec.class_of
    if kind == "word":
        tags = list(row.labels_of_words(PREDICTION))
        if not tags:
            raise _empty(row.where, task)
        if unknown := [tag for tag in tags if not is_known(tag, task.labels)]:
            raise _unknown_label(unknown[0], row.where, task)
        return tags
    if kind == "text":
        label = row.label(PREDICTION)
        if label not in task.labels:
            raise _unknown_label(label, row.where, task)
        return label
    if task.format == "span":
        if is_missing(row.cells[PREDICTION]):
            raise DataError(
                "the prediction is missing", where=row.where, todo='give "" for no answer'
            )
        return row.key(PREDICTION)  # an answer 1990 among missing ones is 1990.0 to pandas
    number = row.number(PREDICTION)
    if isnan(number):
        raise _empty(row.where, task)
    return number


def _empty(where: str, task: TaskSpec) -> DataError:
    """The error of a row without a prediction, as in a template that is not completed."""
    return DataError(
        "the prediction is empty",
        where=where,
        todo=f"give each row {_wanted(task)}: a score needs a prediction for every example",
    )


def _wanted(task: TaskSpec) -> str:
    """What a prediction of a task is."""
    if not task.format_spec.class_of:
        return "a number"
    shown = ", ".join([*task.labels[:LISTED], *(["…"] if len(task.labels) > LISTED else [])])
    return f"a tag per word ({shown})" if task.format_spec.class_of == "word" else f"one of {shown}"


def _unknown_label(label: str, where: str, task: TaskSpec) -> DataError:
    if not label.strip():
        return _empty(where, task)
    if form := other_form(label, task.labels):
        return DataError(
            f"{label!r} is {form} as the label of {task.name}",
            where=where,
            todo="write predictions in the form of the labels: unicodedata.normalize in Python",
        )
    return DataError(
        f"{label!r} is not a label of {task.name}",
        where=where,
        todo=f"its labels: {', '.join(task.labels)}",
    )


def score_predictions(
    predictions: Sequence[Prediction],
    examples: Sequence[Example],
    task: TaskSpec,
    split: str,
    language: str,
    path: Path,
    scheme: TagScheme = TagScheme.BIO,
) -> list[ScoreInterval]:
    """The scores of predictions for a test set by each metric of the task.

    Args:
        scheme: that the gold tags were converted from; predictions in it are converted too.

    Raises:
        DataError: an unknown or missing id, another number of tags than words, or blank gold
            answers.
    """
    spec = task.format_spec
    assert spec.gold is not None
    gold = dict(zip((one.id for one in examples), spec.gold_of_examples(examples), strict=True))
    name = f"{task.name} {split} ({language})"
    if spec.gold_is_blank(list(gold.values())):
        raise DataError(
            f"the gold answers of {name} are blank or all the same: not scored",
            todo="benchmarks remove test labels; get the labelled set, or score elsewhere",
        )
    predicted = {one.id: one for one in predictions}
    _check_ids(predicted, gold, name, path)
    scored = [key for key, answer in gold.items() if not spec.row_is_blank(answer, task.labels)]
    _check_no_missing(predicted, scored, name, path)
    if spec.class_of == "word":
        _check_words(predicted, examples)
        predicted = _converted(predicted, scheme, task, path)
    answers = [gold[key] for key in scored]
    values = [predicted[key].value for key in scored]
    intervals = []
    for metric in task.metrics:
        statistics = METRICS.get(metric).statistics(answers, values, language)
        found = interval_of(metric, scored, statistics)
        intervals.append(ScoreInterval(task.name, language, split, metric, *found, len(scored)))
    return intervals


def _check_ids(
    predicted: Mapping[str, Prediction], gold: Mapping[str, Any], name: str, path: Path
) -> None:
    unknown = [one for one in predicted.values() if one.id not in gold]
    if unknown:
        lines = [
            f"{one.where}: {one.id!r} {other_form(one.id, gold)}".rstrip()
            for one in unknown[:LISTED]
        ]
        raise DataError(
            "\n  ".join([f"{len(unknown)} ids are not in {name}:", *lines]),
            where=str(path),
            todo=f"ids of {name} are such as {', '.join(map(repr, list(gold)[:3]))}; --template "
            "FILE writes them all",
        )


def _check_no_missing(
    predicted: Mapping[str, Prediction], scored: Sequence[str], name: str, path: Path
) -> None:
    missing = [key for key in scored if key not in predicted]
    if missing:
        listed = ", ".join(map(repr, missing[:LISTED]))
        raise DataError(
            f"{len(missing)} of {len(scored)} examples of {name} have no prediction: {listed}",
            where=str(path),
            todo="predict all of them: a score on a part is not comparable",
        )


def _check_words(predicted: Mapping[str, Prediction], examples: Iterable[Any]) -> None:
    for example in examples:
        one = predicted.get(example.id)
        if one and len(one.value) != len(example.tokens):
            raise DataError(
                f"{len(one.value)} tags for the {len(example.tokens)} words of {one.id!r}",
                where=one.where,
                todo="give one tag per word",
            )


def _converted(
    predicted: Mapping[str, Prediction], gold: TagScheme, task: TaskSpec, path: Path
) -> dict[str, Prediction]:
    """Tags in BIO; a warning says if they were converted.

    Raises:
        DataError: a tag is not a label of the task.
    """
    scheme = scheme_of_predictions([one.value for one in predicted.values()], gold)
    if scheme is not TagScheme.BIO:
        logger.warning("%s: tags in %s are converted to BIO, as the gold tags", path, scheme)
    converted = {
        key: replace(one, value=in_bio(one.value, scheme)) for key, one in predicted.items()
    }
    for one in converted.values():
        if unknown := [tag for tag in one.value if tag not in task.labels]:
            raise _unknown_label(unknown[0], one.where, task)
    return converted


def template_rows(examples: Iterable[Example], task: TaskSpec) -> Iterator[dict[str, Any]]:
    """A row for every example with its input, and an empty prediction."""
    gold = task.format_spec.gold
    hidden = {"where", gold.column if gold else "", "starts"}
    for example in examples:
        cells = {name: value for name, value in asdict(example).items() if name not in hidden}
        yield {ID: cells.pop(ID), PREDICTION: None, **cells}
