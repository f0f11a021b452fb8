"""The labels of a downloaded data set, in the order of the classes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from xstilts.core.errors import DataError
from xstilts.formats.io.readers import listed_classes
from xstilts.tasks.builders import NLI_LABELS
from xstilts.tasks.tasksource.task import value_text

LabelSet = tuple[tuple[str, ...], dict[str, str]]
"""The labels, and value in the data set → label."""


def class_names(paths: Iterable[Path], column: str) -> list[str] | None:
    """The names of a column's classes, as Parquet files have them; none if they name none.

    Raises:
        DataError: the files have different names.
    """
    from pyarrow.parquet import read_schema

    found = [
        listed_classes(read_schema(path).metadata or {}, [column], path)[column] for path in paths
    ]
    if any(names != found[0] for names in found):
        raise DataError(f"the files have different classes of {column}")
    return found[0]


def label_set(
    values: Iterable[Any], named: Mapping[str, str], classes: Sequence[str] | None
) -> LabelSet:
    """The labels of a classification or tagging.

    Args:
        values: the distinct labels in the files.
        named: value → label, from tasksource; has priority.
        classes: the names of the classes in the files.

    Raises:
        DataError: fewer than two labels, values without a name, or negative numbers of which it is
            not known whether they are labels.
    """
    names = dict(named) or {str(number): name for number, name in enumerate(classes or ())}
    listed = list(values)
    negative = [one for one in listed if isinstance(one, int | float) and one < 0]
    if negative and not names:
        raise DataError(
            f"labels such as {min(negative)}, which have no names: they may be labels, or hide them"
        )
    used = {text for value in listed if (text := value_text(value, names))}
    known = {*names, *names.values()}
    if names and (unknown := sorted(used - known)):
        raise DataError(f"labels without a name: {', '.join(unknown[:10])}")
    labels = tuple(dict.fromkeys(names.values())) or tuple(sorted(used, key=_order))
    if len(labels) < 2 or not used:
        raise DataError(f"it has {len(labels)} labels: {', '.join(labels)}")
    return (NLI_LABELS if set(labels) == set(NLI_LABELS) else labels), names


def choice_labels(
    values: Iterable[Any], named: Mapping[str, str], choices: int, constant: str
) -> LabelSet:
    """The labels of a multiple choice: the positions of the choices, from 0 on.

    Texts such as A and B stand for the choices in their order, as in tasksource.

    Raises:
        DataError: labels that are not as many as the choices, or numbers of which it is not known
            whether they begin at 0 or at 1.
    """
    labels = tuple(map(str, range(choices)))
    found = {text for value in values if (text := value_text(value))}
    used = sorted(found or {constant})
    if found and found <= set(labels[1:]):
        raise DataError(
            f"{choices} choices, but the labels {', '.join(used[:10])}: they may begin at 0 or at 1"
        )
    if set(used) <= set(labels):
        return labels, {}
    names = list(named) if named else used
    if len(names) != choices or any(name.isdecimal() for name in names):
        raise DataError(f"{choices} choices, but the labels {', '.join(used[:10])}")
    return labels, dict(zip(names, labels, strict=True))


def _order(label: str) -> tuple[bool, float, str]:
    """Numbers in their order, before texts."""
    return (False, float(label), label) if label.isdecimal() else (True, 0.0, label)
