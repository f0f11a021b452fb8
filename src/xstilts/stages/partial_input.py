"""`withhold`: prepared rows with a part of the input withheld, for input-only baselines.

The score that is left needs no skill in the task: Gururangan et al. (2018) and Poliak et al. (2018)
found it for the hypotheses of NLI. The parts withheld in other formats are our choice.
"""

from __future__ import annotations

from typing import Any

from xstilts.core.errors import DataError
from xstilts.formats import FORMATS
from xstilts.stages.base import StageContext
from xstilts.stages.io.rows import read_rows, write_rows
from xstilts.stages.prepare import ROWS


def run(context: StageContext) -> dict[str, Any]:
    """Write `rows.parquet`, its rows in their order, each in input-only form; facts: rows.

    Raises:
        DataError: the format has no input-only form.
    """
    input_only = FORMATS.get(context.params["format"]).input_only
    if input_only is None:
        raise DataError("the format has no input-only form")
    rows = [input_only(row) for row in read_rows(context.inputs["rows"] / ROWS)]
    write_rows(context.folder / ROWS, rows)
    return {"rows": len(rows)}
