"""The values of cells as text, numbers and truth values, where their meaning is certain."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from xstilts.core.counted import counted
from xstilts.core.errors import DataError

TRUTH_VALUES = {"true": True, "false": False, "1": True, "0": False}
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
"""A number as text, in decimal or exponential notation."""
SHOWN_LABELS = 6
NOT_UNICODE = "text that is not valid Unicode"


def not_as_many(found: int, expected: int | str) -> str:
    """What is wrong with the number of cells of a row."""
    return f"{counted(found, 'cell')}, expected {expected}"


def is_missing(value: Any) -> bool:
    """Whether a cell holds nothing: JSON's null, or pandas' NaN."""
    return value is None or (isinstance(value, float) and math.isnan(value))


def as_text(value: Any, name: str, where: str | None = None) -> str:
    """A text, a number as text, or UTF-8 bytes; blank if the cell holds nothing.

    Raises:
        DataError: a truth value, a structure, infinity or other bytes.
    """
    if is_missing(value):
        return ""
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError as error:
            raise DataError(f"{name!r} is not UTF-8", where=where) from error
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        if isinstance(value, float) and math.isinf(value):
            raise DataError(f"{name!r} is infinite", where=where)
        return str(value)
    raise DataError(f"{name!r} is not text", where=where)


def as_label(value: Any, labels: Sequence[str], name: str, where: str | None = None) -> str:
    """The label that a cell stands for: `1.0` for `1`, `true` for `true`, without outer spaces.

    Args:
        labels: those of the task; a cell that stands for none of them stays as it is.

    Raises:
        DataError: as for `as_text`; a truth value if the labels are others.
    """
    if isinstance(value, bool):
        names = (str(value).lower(), str(value))
        if found := next((label for label in names if label in labels), None):
            return found
        if labels:
            what = f"{name!r} is true or false, not one of the labels {_listed(labels)}"
            raise DataError(what, where=where)
    text = as_text(value, name, where)
    readings = [text, text.strip()]
    if isinstance(value, float) and value.is_integer():
        readings.append(str(int(value)))
    return next((label for label in readings if label in labels), text)


def _listed(labels: Sequence[str]) -> str:
    """The labels for messages, of many the first ones."""
    return ", ".join([*labels[:SHOWN_LABELS], *["…"][: len(labels) > SHOWN_LABELS]])


def as_key(value: Any, name: str, where: str | None = None) -> str:
    """A cell that is compared between files, as text: 7 and 7.0 are the same.

    Raises:
        DataError: as for `as_text`.
    """
    text = as_text(value, name, where)
    return str(int(value)) if isinstance(value, float) and text and value.is_integer() else text


def as_truth(value: Any, name: str, where: str | None = None) -> bool:
    """True or false, also as text or 0 and 1; false if the cell holds nothing.

    Raises:
        DataError: anything else.
    """
    if is_missing(value):
        return False
    text = str(value).strip().lower()
    if text not in TRUTH_VALUES:
        raise DataError(f"{name!r} is not true or false: {value!r}", where=where)
    return TRUTH_VALUES[text]


def as_number(value: Any, name: str, where: str | None = None) -> float:
    """A finite number, also as text; NaN if the cell holds nothing.

    Raises:
        DataError: a truth value, a structure, infinity, or a text that is not a number.
    """
    if is_missing(value) or (isinstance(value, str | bytes) and not value.strip()):
        return math.nan
    if isinstance(value, bool) or not isinstance(value, str | bytes | int | float | Decimal):
        raise DataError(f"{name!r} is not a number: {value!r}", where=where)
    text = (str(value) if isinstance(value, Decimal) else as_text(value, name, where)).strip()
    if not NUMBER.fullmatch(text):
        raise DataError(f"{name!r} is not a finite number: {text[:40]!r}", where=where)
    number = float(text)
    if math.isinf(number):
        raise DataError(f"{name!r} is infinite", where=where)
    return number


def as_offset(value: Any, name: str, where: str | None = None) -> int | None:
    """A whole number, also as text; None if the cell holds nothing.

    Raises:
        DataError: anything else.
    """
    if is_missing(value) or value == "":
        return None
    try:
        if isinstance(value, bool) or float(value) != int(float(value)):
            raise ValueError
        return int(float(value))
    except (TypeError, ValueError, OverflowError):
        raise DataError(f"{name!r} is not a number: {value!r}", where=where) from None


def is_unicode(value: Any) -> bool:
    """Whether all texts of a value can be encoded; lone surrogates of JSON escapes cannot."""
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            return False
        return True
    if isinstance(value, Mapping):
        return is_unicode(value.keys()) and is_unicode(value.values())
    return (
        not isinstance(value, Iterable) or isinstance(value, bytes) or all(map(is_unicode, value))
    )


def escaped(text: str) -> str:
    """A text for messages, with what cannot be encoded as escapes."""
    return text.encode(errors="backslashreplace").decode()
