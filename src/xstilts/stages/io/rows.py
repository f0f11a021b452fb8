"""Rows and predictions as parquet files."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from xstilts.formats.class_probability import DIGITS
from xstilts.formats.tag_sequences import TagSequences
from xstilts.formats.training_spec import PredictedClass

PREDICTIONS = "predictions.parquet"
"""What `predict`, `search` and `mine` write."""
PREDICTION, PROBABILITY = "prediction", "probability"
"""Columns of what `predict` writes; the second one only of formats with `probabilities`, and not in
what earlier versions wrote under the same key."""
ROW_GROUP = 8_192
"""Rows of a file of predictions or statistics that are Arrow arrays at the same time."""


def write_rows(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Rows with the same keys as one parquet file."""
    pq.write_table(pa.Table.from_pylist(list(rows)), path, compression="zstd")


def write_predictions(path: Path, rows: Path, predictions: Sequence[Any]) -> int:
    """The ids of a file of rows with their predictions, as `write_rows` would write them.

    `PredictedClass`es have a third column, float32: the probability of the prediction.

    Ids stay Arrow strings: 200,000 rows as Python objects would take 0.1 GB.

    Raises:
        ValueError: there are not as many predictions as rows.
    """
    ids = read_table(rows, ["id"]).column("id").combine_chunks()
    if len(ids) != len(predictions):
        raise ValueError(f"{len(predictions)} predictions for {len(ids)} rows")
    columns = {"id": ids, **_columns(predictions)}
    write_in_groups(
        path, len(ids), lambda part: pa.table({name: of[part] for name, of in columns.items()})
    )
    return len(ids)


def _columns(predictions: Sequence[Any]) -> dict[str, Any]:
    """The columns of predictions or `PredictedClass`es, each with one type for all rows.

    Tags become arrays part by part: `TagSequences` are smaller.
    """
    if isinstance(predictions, TagSequences):
        return {PREDICTION: predictions}
    if not (predictions and all(isinstance(one, PredictedClass) for one in predictions)):
        return {PREDICTION: pa.array(predictions)}
    # no zip(*predictions): it would hold an iterator per prediction, 10 MB of 200,000
    values = pa.array([one.prediction for one in predictions])
    probabilities = pa.array([one.probability for one in predictions], pa.float32())
    return {PREDICTION: values, PROBABILITY: probabilities}


def probabilities_of(predictions: pa.Table) -> NDArray[np.float64] | None:
    """[n] the probabilities of predictions with the decimals that were written; None without them.

    None, too, if one is no number between 0 and 1: such a model's outputs were not finite.
    """
    if PROBABILITY not in predictions.column_names:
        return None
    column = predictions[PROBABILITY]
    values = np.asarray(column.to_numpy(), dtype=np.float64).round(DIGITS)
    return values if np.all((values >= 0) & (values <= 1)) else None


def write_in_groups(path: Path, count: int, table_of: Callable[[slice], pa.Table]) -> None:
    """Write rows as one parquet file, with few of them as Arrow arrays at the same time.

    Args:
        count: number of rows; up to `ROW_GROUP`, the file has the bytes of one table.
        table_of: rows as a table; of the same columns and types for all.
    """
    first = table_of(slice(0, ROW_GROUP))
    with pq.ParquetWriter(path, first.schema, compression="zstd") as writer:
        writer.write_table(first)
        for start in range(ROW_GROUP, count, ROW_GROUP):
            writer.write_table(table_of(slice(start, start + ROW_GROUP)))


def read_rows(source: Path | bytes, columns: list[str] | None = None) -> list[dict[str, Any]]:
    """The rows of a parquet file or of its bytes, in order, with all columns or some."""
    rows: list[dict[str, Any]] = read_table(source, columns).to_pylist()
    return rows


def read_pieces(path: Path, size: int) -> Iterator[list[dict[str, Any]]]:
    """Yield the rows of a parquet file in order, up to `size` at a time."""
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(size, use_threads=False):
            yield batch.to_pylist()


def read_columns(source: Path | bytes) -> dict[str, list[Any]]:
    """The columns of a parquet file; several times as fast as `read_rows` on short files."""
    table: dict[str, list[Any]] = read_table(source).to_pydict()
    return table


def read_table(source: Path | bytes, columns: list[str] | None = None) -> pa.Table:
    """The rows of a parquet file as Arrow arrays, with all columns or some."""
    opened = source if isinstance(source, Path) else pa.BufferReader(source)
    with pq.ParquetFile(opened) as file:  # threads would cost more than most of these files
        return file.read(columns, use_threads=False)
