"""The file of hashes of inputs beside prepared rows; see `formats.input_hashes`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from xstilts.core.artifact import Artifact
from xstilts.core.store import Store
from xstilts.formats.base import Row
from xstilts.formats.input_hashes import HASH, Hashes, row_hashes
from xstilts.formats.spec import FormatSpec

INPUTS = "inputs.u64"
"""One hash per row, in their order; what earlier versions wrote under the same key has none."""


def write_inputs(folder: Path, spec: FormatSpec, rows: Iterable[Row]) -> None:
    """Write the hashes of rows."""
    _write(folder, row_hashes(spec, rows))


def write_some_inputs(folder: Path, source: Artifact, places: Sequence[int]) -> None:
    """Write the hashes of some rows of a prepared set, if it has any."""
    if INPUTS in source.manifest["files"]:
        _write(folder, np.fromfile(source / INPUTS, HASH)[list(places)])


def read_inputs(key: str, store: Store) -> Hashes | None:
    """[n] The hashes of a prepared set; None if it has none, or is not in the store.

    A damaged set stays where it is, because its rows may be read all the same.

    Raises:
        DamagedArtifact: they are not what was published.
        StoreError: they cannot be read.
    """
    artifact = store.get_finished(key)
    if artifact is None or not (artifact / INPUTS).is_file():
        return None
    return np.frombuffer(artifact.read(INPUTS), HASH)


def _write(folder: Path, hashes: Hashes) -> None:
    (folder / INPUTS).write_bytes(hashes.astype(HASH).tobytes())
