"""`cut`: a slice of prepared rows, for training on growing parts of a training set."""

from __future__ import annotations

from typing import Any

from xstilts.core.errors import DataError
from xstilts.core.hashing import seed_of
from xstilts.stages.base import StageContext
from xstilts.stages.io.rows import read_rows, write_rows
from xstilts.stages.prepare import ROWS


def run(context: StageContext) -> dict[str, Any]:
    """Write `rows.parquet`: the rows between two fractions of all; facts: rows.

    `low` and `high` are fractions as pairs of integers. Slices that begin at 0 are nested;
    adjacent slices share no row and leave none out. With `sample`, of rows whose order is that of
    a file, they are drawn by the digests of the ids.

    Raises:
        DataError: the slice has no row.
    """
    rows = read_rows(context.inputs["rows"] / ROWS)
    if "sample" in context.params:
        rows.sort(key=lambda row: seed_of("limit", row["id"]))
    shares = context.params["low"], context.params["high"]
    low, high = (len(rows) * top // bottom for top, bottom in shares)
    if low == high:
        raise DataError(
            f"{len(rows)} rows are too few for this slice",
            todo="raise `limits.train`, or leave this task out",
        )
    write_rows(context.folder / ROWS, rows[low:high])
    return {"rows": high - low}
