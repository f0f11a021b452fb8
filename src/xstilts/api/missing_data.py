"""The data that a plan reads and that do not exist, in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from xstilts.formats.answer_retrieval import names_pool
from xstilts.planning.data_sources import DataSource

if TYPE_CHECKING:
    from xstilts.api.plan_summary import PlanSummary


def missing_data(summary: PlanSummary) -> Iterator[str]:
    """A line per split of a task and per file of translations that the stages to do miss."""
    for source in summary.supplies:
        if not source.origin:
            yield f"{_split(source)}: {_where(source)}"
    for table in summary.missing_translations:
        yield f"{table.task} in {table.language}: no file of translations {table.file}"


def _split(source: DataSource) -> str:
    """Task, split and languages, without what is searched."""
    codes = [code for code in source.languages if not names_pool(code)]
    return f"{source.task} {source.split} ({' '.join(codes or source.languages)})"


def _where(source: DataSource) -> str:
    if not source.files:
        return "not in the data folder (--data), not on the hub"
    more = f" and {len(source.files) - 1} more" if len(source.files) > 1 else ""
    return f"no file {source.files[0]}{more}"
