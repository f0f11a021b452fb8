"""`score`: predictions or vectors against gold; without a model, in milliseconds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from xstilts.core.atomic_io import write_json
from xstilts.core.errors import DataError
from xstilts.formats import FORMATS
from xstilts.metrics import METRICS
from xstilts.metrics.base import Floats
from xstilts.metrics.mining_f1 import MiningResult
from xstilts.metrics.retrieval import statistics
from xstilts.stages.base import StageContext
from xstilts.stages.io.bitext import SIDES, read_mined, translations
from xstilts.stages.io.column_values import ColumnValues
from xstilts.stages.io.gold import check_gold, checked_gold
from xstilts.stages.io.rows import PREDICTIONS, ROW_GROUP, read_rows, read_table
from xstilts.stages.prepare import ROWS
from xstilts.stages.search import DIRECTIONS

Ids: TypeAlias = "Sequence[str] | pa.Array"
"""Ids of examples; many of them as Arrow strings, as 200,000 Python objects take 13 MB."""
SCORES, STATISTICS = "scores.json", "statistics.parquet"


def run(context: StageContext) -> dict[str, Any]:
    """Write `scores.json` and each example's statistics; facts: value and n per metric.

    Raises:
        DataError: the gold labels are blank or dummies, or rows and predictions differ.
    """
    search = FORMATS.get(context.params["format"]).search
    read: Read = READ.get(search.stage, _predicted) if search else _predicted
    ids, gold, predicted = read(context)
    scores, statistics_of = {}, dict[str, Floats]()
    for name in context.params["metrics"]:
        metric = METRICS.get(name)
        table = metric.statistics(gold, predicted, context.params.get("language", ""))
        statistics_of[name] = table
        scores[name] = {"value": round(float(metric.value(table.sum(0))), 10), "n": len(ids)}
    write_statistics(context.folder / STATISTICS, ids, statistics_of)
    write_json(context.folder / SCORES, scores)
    return {"scores": scores}


def write_statistics(path: Path, ids: Ids, tables: Mapping[str, Floats]) -> None:
    """Each example's statistics by each metric as a parquet file: metric, id, statistics.

    Args:
        ids: [n]; tables: metric → [n, k].
    """
    names = ids if isinstance(ids, pa.Array) else pa.array(ids, pa.string())
    parts = [
        pa.table(
            {
                "metric": pa.repeat(metric, len(names)),
                "id": names,
                "statistics": pa.ListArray.from_arrays(
                    pa.array(np.arange(0, table.size + 1, table.shape[1], dtype=np.int32)),
                    pa.array(table.ravel()),
                ),
            }
        )
        for metric, table in tables.items()
    ]
    table = pa.concat_tables(parts).combine_chunks()
    pq.write_table(table, path, compression="zstd", row_group_size=ROW_GROUP)


def _predicted(context: StageContext) -> tuple[Ids, Sequence[Any], Sequence[Any]]:
    """Ids, gold answers and predictions of the rows that have a gold answer."""
    spec = FORMATS.get(context.params["format"])
    rows, predictions = context.inputs["rows"] / ROWS, context.inputs["predictions"] / PREDICTIONS
    ids = read_table(rows, ["id"])["id"]
    if not ids.equals(read_table(predictions, ["id"])["id"]):
        raise DataError("the predictions are not those of the gold rows", todo="run again")
    if spec.gold is None:
        return [], [], []
    gold = ColumnValues(rows, spec.gold.column)
    check_gold(context, gold)
    labels = context.inputs["predictions"].manifest["stage"]["params"].get("labels", ())
    has_gold = np.array([not spec.row_is_blank(answer, labels) for answer in gold], dtype=bool)
    answered = ids.filter(pa.array(has_gold)).combine_chunks()
    predicted = ColumnValues(predictions, "prediction", has_gold)
    return answered, replace(gold, chosen=has_gold), predicted


def _mined(context: StageContext) -> tuple[list[str], Sequence[Any], MiningResult]:
    """Gold and mined translations of each sentence, and those for tuning the threshold."""
    ids, gold = translations(context, "")
    tuned_on = None
    if "tuning:predictions" in context.inputs:
        names, answers = translations(context, "tuning:")
        tuned_on = answers, read_mined(context.inputs["tuning:predictions"], names)
    return ids, gold, MiningResult(read_mined(context.inputs["predictions"], ids), tuned_on)


def _searched(context: StageContext) -> tuple[list[str], Sequence[Any], Any]:
    """Both directions' queries: those of the language first, then the English ones."""
    meanings = {}
    for side in SIDES:
        rows = read_rows(context.inputs[f"rows:{side}"] / ROWS)
        gold = checked_gold(context, rows)
        meanings[side] = {row["id"]: meaning for row, meaning in zip(rows, gold, strict=True)}
    answered = [
        row
        for row in read_rows(context.inputs["predictions"] / PREDICTIONS)
        if row["rank"]  # 0: no answer is right
    ]
    if not answered:
        raise DataError("no sentence has a counterpart in English")
    tables = []
    for direction, query, pool in DIRECTIONS:
        rows = [row for row in answered if row["direction"] == direction]
        hits = [meanings[query][row["id"]] == meanings[pool][row["prediction"]] for row in rows]
        answer_ranks = np.array([row["rank"] for row in rows], dtype=np.int64)
        from_english = direction == "from_en"
        tables.append(
            statistics(answer_ranks, from_english=from_english, own_line=np.array(hits, dtype=bool))
        )
    ids = [f"{row['direction']}:{row['id']}" for row in answered]
    return ids, [None] * len(ids), np.concatenate(tables)


def _searched_in_pool(
    context: StageContext,
) -> tuple[list[str], Sequence[Any], Sequence[Any]]:
    """Number of right answers and their ranks, of the queries that have any in the pool."""
    checked_gold(context, read_rows(context.inputs["rows"] / ROWS))
    answered = [
        row
        for row in read_rows(context.inputs["predictions"] / PREDICTIONS)
        if row["right_answers"]
    ]
    if not answered:
        raise DataError(
            "no query has a right answer in the pool",
            todo="check the keys of queries and candidates, or evaluate a larger slice",
        )
    return (
        [row["id"] for row in answered],
        [row["right_answers"] for row in answered],
        [row["right_ranks"] for row in answered],
    )


Read = Callable[[StageContext], tuple[Ids, Sequence[Any], Any]]
READ: Mapping[str, Read] = {
    "mine": _mined,
    "search": _searched,
    "search-pool": _searched_in_pool,
}
"""Kind of the stage that made the predictions → how these and the gold answers are read."""
