"""Hashes of the inputs of examples, by which sets are compared without their texts."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import fields
from json import JSONEncoder
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xstilts.formats.base import Example, Row
from xstilts.formats.image_text.checks import DIGESTS, IMAGES
from xstilts.formats.spec import FormatSpec

HASH = np.dtype("<u8")
"""64 bits: two sets of a million different inputs have one in common with a probability of 5e-8."""
Hashes = NDArray[np.uint64]


def input_hashes(spec: FormatSpec, examples: Iterable[Example]) -> Hashes:
    """[n] Hashes of the format's name and `FormatSpec.content`; equal in all processes."""
    return np.fromiter((_hash(spec, example) for example in examples), HASH)


def row_hashes(spec: FormatSpec, rows: Iterable[Row]) -> Hashes:
    """[n] The same of prepared rows, with the digests of images instead of their names."""
    names = [field.name for field in fields(spec.example)]
    return input_hashes(spec, (_example(spec, names, row) for row in rows))


def are_in(hashes: Hashes, others: Hashes) -> NDArray[np.bool_]:
    """[n] Whether each hash is among others, which are sorted."""
    if not len(others):
        return np.zeros(len(hashes), bool)
    places = np.searchsorted(others, hashes)
    found: NDArray[np.bool_] = others[np.minimum(places, len(others) - 1)] == hashes
    return found


def _example(spec: FormatSpec, names: list[str], row: Row) -> Any:
    given = {name: row[name] for name in names if name in row}
    if DIGESTS in row:
        given[IMAGES] = row[DIGESTS]
    return spec.example(
        **{
            name: tuple(value) if isinstance(value, list) else value
            for name, value in given.items()
        }
    )


def _hash(spec: FormatSpec, example: Example) -> int:
    text = _JSON.encode([spec.name, spec.content(example)])
    digest = hashlib.blake2b(text.encode(), digest_size=HASH.itemsize).digest()
    return int.from_bytes(digest, "little")


def _in_order(value: object) -> Any:
    """What JSON has no form for: sets in order, anything else as text."""
    return sorted(map(repr, value)) if isinstance(value, (set, frozenset)) else repr(value)


_JSON = JSONEncoder(sort_keys=True, default=_in_order)
