"""`cut`: a stretch of prepared rows, so that a model can be trained on ever more of them."""

from __future__ import annotations

from typing import Any

from xstilts.core.errors import DataError
from xstilts.stages.base import StageContext
from xstilts.stages.io.rows import read_rows, write_rows
from xstilts.stages.prepare import ROWS


def run(context: StageContext) -> dict[str, Any]:
    """Write `rows.parquet`: the rows from one share of them to another; facts: rows.

    `low` and `high` are eighths and the like, as pairs of whole numbers. Stretches that begin
    at 0 are nested; those that meet share no row and leave none out.

    Raises:
        DataError: there are too few rows for one to lie in the stretch.
    """
    rows = read_rows(context.inputs["rows"] / ROWS)
    shares = context.params["low"], context.params["high"]
    low, high = (len(rows) * top // bottom for top, bottom in shares)
    if low == high:
        raise DataError(
            f"{context.stage.label}: {len(rows)} rows are too few to be cut",
            todo="raise `limits.train`, or leave this task out",
        )
    write_rows(context.folder / ROWS, rows[low:high])
    return {"rows": high - low}
