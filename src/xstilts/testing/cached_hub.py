"""A cache of the Hugging Face Hub with data sets of one's own, read without a network."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

COMMIT = "0123456789abcdef0123456789abcdef01234567"
"""The commit that the data sets have."""


def write_cached_file(
    home: Path,
    dataset: str,
    path: str,
    columns: Mapping[str, Sequence[Any]],
    classes: Mapping[str, Sequence[str]] | None = None,
) -> Path:
    """Write a Parquet file of a data set to the cache in `home`, as a download would.

    Args:
        home: what `$HF_HOME` names.
        path: in the data set.
        columns: name → values.
        classes: column → names of the classes that its integers stand for, as the library
            `datasets` writes them.
    """
    named = classes or {}
    features = {
        name: (
            {"names": list(named[name]), "_type": "ClassLabel"}
            if values and not isinstance(values[0], list)
            else {"feature": {"names": list(named[name]), "_type": "ClassLabel"}, "_type": "List"}
        )
        for name, values in columns.items()
        if name in named
    }
    described = json.dumps({"info": {"features": features}})
    table = pa.table({name: list(values) for name, values in columns.items()})
    table = table.replace_schema_metadata({"huggingface": described})
    folder = home / "hub" / f"datasets--{dataset.replace('/', '--')}" / "snapshots" / COMMIT
    file = folder / path
    file.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, file)
    return file


def cached_paths(home: Path, dataset: str) -> list[str]:
    """The paths of a data set's files in the cache."""
    folder = home / "hub" / f"datasets--{dataset.replace('/', '--')}" / "snapshots" / COMMIT
    return [str(path.relative_to(folder)) for path in folder.rglob("*.parquet")]
