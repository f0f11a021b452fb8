"""Files of records: one JSON object with a line for each cell and each stage.

{"cells":[
{…},
{…}
],"experiment":{…},"file":"…","origin":"…","self":"…","stages":[
{…},
{…}
],"text":"…","version":1}

Names are sorted, and there is no white space but the ends of lines: without these and without
`self`, the bytes are what `hashing.with_digest` takes the digest of. So a record of 50,000 stages
is verified and read line by line, and its stages only where they are needed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from pydantic_core import from_json

from xstilts.core.atomic_io import write_chunks
from xstilts.core.hashing import DIGEST, WITH_NAN, without_digest
from xstilts.core.stage import Stage

CELLS, STAGES = "cells", "stages"
START = f'{{"{CELLS}":[\n'.encode()
Item = Callable[[dict[str, Any]], Any]
"""A cell or stage as JSON → what a reader makes of it."""


@dataclass(frozen=True)
class RecordContent:
    """What a record contains.

    Args:
        head: all parts but cells and stages, as JSON; their names come after `cells`.
        cells: dataclasses of JSON values.
    """

    head: Mapping[str, Any]
    cells: Sequence[Any]
    stages: Sequence[Stage]

    @property
    def digest(self) -> str:
        """The digest of the object, see `hashing.with_digest`."""
        sha = hashlib.sha256()
        for chunk in self._chunks(self.head):
            sha.update(chunk.replace("\n", "").encode())
        return sha.hexdigest()

    def write(self, path: Path) -> None:
        """Write the file atomically.

        Raises:
            OSError: it cannot be written.
        """
        write_chunks(path, self._chunks({**self.head, DIGEST: self.digest}))

    def _chunks(self, head: Mapping[str, Any]) -> Iterator[str]:
        before = {name: value for name, value in head.items() if name < STAGES}
        after = {name: value for name, value in head.items() if name > STAGES}
        yield START.decode()
        yield from _lines(vars(cell) for cell in self.cells)
        yield f'],{WITH_NAN.encode(before)[1:-1]},"{STAGES}":[\n'
        yield from _lines(stage.to_json() for stage in self.stages)
        yield f"],{WITH_NAN.encode(after)[1:]}\n"


def _lines(items: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    separator = ""
    for item in items:
        yield separator + WITH_NAN.encode(item)
        separator = ",\n"
    if separator:
        yield "\n"


def read_record(path: Path, cell: Item | None, stage: Item | None) -> dict[str, Any]:
    """The parts of a record in either layout, once its digest was compared.

    Args:
        cell, stage: what is made of each of them; None: they are left out.

    Raises:
        ValueError, KeyError, TypeError, AttributeError, RecursionError: it is damaged.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        if file.readline() == START:
            return _read_lines(file, cell, stage)
    record = without_digest(json.loads(path.read_bytes()))
    for name, convert in ((CELLS, cell), (STAGES, stage)):
        record[name] = [convert(item) for item in record[name]] if convert else []
    return record


def is_record_of_lines(path: Path) -> bool:
    """Whether a file begins as records of this layout do, and not as those of earlier versions."""
    with path.open("rb") as file:
        return file.readline() == START


def written_digest(path: Path) -> str:
    """The digest of an undamaged record of this layout; empty for another file.

    Raises:
        OSError: it cannot be read.
    """
    if is_record_of_lines(path):
        with suppress(ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return str(read_record(path, None, None)[DIGEST])
    return ""


def _read_lines(file: IO[bytes], cell: Item | None, stage: Item | None) -> dict[str, Any]:
    sha = hashlib.sha256(START[:-1])
    cells, line = _read_items(file, cell, sha.update)
    before = _parse(b"{" + line[2:] + b"]}")
    own = f'"{DIGEST}":"{before[DIGEST]}",'.encode()
    sha.update(line[:-1].replace(own, b"", 1))
    stages, line = _read_items(file, stage, sha.update)
    after = _parse(b"{" + line[2:])
    sha.update(line[:-1])
    if sha.hexdigest() != before[DIGEST] or file.read(1):
        raise ValueError("it differs from what was written")
    return {**before, **after, CELLS: cells, STAGES: stages}


def _read_items(
    file: IO[bytes], convert: Item | None, update: Callable[[bytes], None]
) -> tuple[list[Any], bytes]:
    """The items of a list, and the line that ends it."""
    items: list[Any] = []
    for line in file:
        if line.startswith(b"]"):
            return items, line
        update(line[:-1])
        if convert:
            items.append(convert(_parse(line.rstrip(b",\n"))))
    raise ValueError("it is truncated")


def _parse(data: bytes) -> Any:
    """The JSON value; pydantic's parser is faster, but refuses lone surrogates."""
    with suppress(ValueError):
        return from_json(data)
    return json.loads(data)
