"""`prepare`: the examples of one task, split and language, checked and counted."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from typing import Any

from xstilts.config.split_slices import SplitSlice
from xstilts.core.errors import DataError
from xstilts.core.hashing import seed_of
from xstilts.stages.base import StageContext
from xstilts.stages.io.located_task import located_task
from xstilts.stages.io.prepared_inputs import write_inputs
from xstilts.stages.io.rows import write_rows
from xstilts.tasks.base import ALIGNMENT, TaskSpec
from xstilts.tasks.image_checks import image_rows, rows_with_images
from xstilts.tasks.limited_rows import LimitedRows
from xstilts.tasks.shuffled_labels import with_shuffled_labels
from xstilts.tasks.validate import check_enough_rows, filter_read_rows

ROWS = "rows.parquet"


def run(context: StageContext) -> dict[str, Any]:
    """Write `rows.parquet` and the hashes of inputs; facts: rows, and bad rows by kind of problem.

    Rows of tasks with images get the digests of their images; images that cannot be decoded make
    their rows bad.

    Raises:
        DataError: no rows, or too many that cannot be used; or the data have changed since the
            plan was made.
    """
    split, language = context.params["split"], context.params["language"]
    task = located_task(context.params["task"], context.stage.context)
    _check_unchanged(context, task)
    kept, found = filter_read_rows(
        lambda: task.read(split, language), task, split, partial(_limited, context, task)
    )
    _check_unchanged(context, task)  # they may have changed while they were read
    problems = found.problems
    check_enough_rows(found, language, kept.usable)
    limit, digests = context.params["limit"], list[list[str]]()
    taken = with_shuffled_labels(kept.examples(), task, split, problems)
    if task.images:
        taken, digests = rows_with_images(taken, task.images(split), limit, problems)
    rows = [
        {name: value for name, value in asdict(example).items() if name != "where"}
        for example in taken
    ]
    if ALIGNMENT in context.params:
        keys = map(task.alignment_key, taken)
        rows = [{**row, ALIGNMENT: key} for row, key in zip(rows, keys, strict=True)]
    if digests:
        rows = image_rows(rows, digests, task.name, split)
    if not rows:
        raise DataError("no example is in this share", todo="choose a larger one")
    write_rows(context.folder / ROWS, rows)
    write_inputs(context.folder, task.format_spec, rows)
    context.notes += problems.first
    return {
        "rows": len(rows),
        "available": kept.available,
        **problems.facts(),
    }


def _limited(context: StageContext, task: TaskSpec) -> LimitedRows:
    """What keeps the rows of the stage's share, and as many as its limit, as they are read."""
    bounds, sampled = context.params.get("share"), "sample" in context.params
    share = SplitSlice(context.params["split"], *bounds) if bounds else None
    return LimitedRows(
        limit=None if task.images else context.params["limit"],  # some images may not be usable
        is_wanted=lambda example: share is None or share.contains(task.alignment_key(example)),
        order=(lambda example: seed_of("limit", task.alignment_key(example))) if sampled else None,
    )


def _check_unchanged(context: StageContext, task: TaskSpec) -> None:
    """Check that what was read is what the stage's key names.

    Raises:
        DataError: its digest differs from that of the plan.
    """
    split, language = context.params["split"], context.params["language"]
    if task.fingerprint(split, language) != context.params["data"]:
        raise DataError(
            "the data have changed since the plan was made",
            todo="run again: the plan is then made from the changed data",
        )
