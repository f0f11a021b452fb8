"""`draw`: a few of some prepared rows, for training on examples of the target language."""

from __future__ import annotations

from typing import Any

from xstilts.core.errors import DataError
from xstilts.core.hashing import seed_of
from xstilts.stages.base import StageContext
from xstilts.stages.io.prepared_inputs import write_some_inputs
from xstilts.stages.io.rows import read_rows, write_rows
from xstilts.stages.prepare import ROWS
from xstilts.tasks.base import ALIGNMENT


def run(context: StageContext) -> dict[str, Any]:
    """Write `rows.parquet`: `examples` rows, drawn by their alignment keys and `draw`; facts: rows.

    Of one draw, fewer examples are part of more. Parallel languages get the same rows.

    Raises:
        DataError: there are fewer rows.
    """
    rows, count = read_rows(context.inputs["rows"] / ROWS), context.params["examples"]
    if len(rows) < count:
        raise DataError(
            f"there are only {len(rows)} rows",
            todo="ask for fewer examples in few_shot.examples, or raise `limits`",
        )
    keys = [row.pop(ALIGNMENT, row["id"]) for row in rows]
    order = [seed_of("few-shot", context.params["draw"], key) for key in keys]
    drawn = sorted(range(len(rows)), key=order.__getitem__)[:count]
    write_rows(context.folder / ROWS, [rows[place] for place in drawn])
    write_some_inputs(context.folder, context.inputs["rows"], drawn)
    return {"rows": count}
