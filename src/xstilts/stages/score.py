"""`score`: predictions or vectors against gold; without a model, in milliseconds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from xstilts.core.errors import DataError
from xstilts.core.files import write_json
from xstilts.metrics import METRICS
from xstilts.metrics.base import Floats
from xstilts.metrics.retrieval import ranks, statistics
from xstilts.stages.gold import gold_of
from xstilts.stages.kind import Work
from xstilts.stages.rows import read_rows, write_rows
from xstilts.tasks.check import gold_is_blank

SCORES, STATISTICS = "scores.json", "statistics.parquet"


def run(work: Work) -> dict[str, Any]:
    """Write `scores.json` and each example's statistics; facts: value and n per metric.

    Raises:
        DataError: the gold labels are blank or dummies, or rows and predictions differ.
    """
    kind = work.params["format"]
    ids, gold, predicted = (_searched if kind == "retrieval" else _predicted)(work)
    scores, rows = {}, []
    for name in work.params["metrics"]:
        metric = METRICS.get(name)
        table = metric.statistics(gold, predicted)
        rows += [
            {"metric": name, "id": row_id, "statistics": row.tolist()}
            for row_id, row in zip(ids, table, strict=True)
        ]
        scores[name] = {"value": round(float(metric.value(table.sum(0))), 10), "n": len(ids)}
    write_rows(work.folder / STATISTICS, rows)
    write_json(work.folder / SCORES, scores)
    return {"scores": scores}


def _predicted(work: Work) -> tuple[list[str], Sequence[Any], Sequence[Any]]:
    rows = read_rows(work.inputs["rows"] / "rows.parquet")
    found = read_rows(work.inputs["predictions"] / "predictions.parquet")
    ids = [row["id"] for row in rows]
    if ids != [row["id"] for row in found]:
        raise DataError("the predictions are not those of the gold rows", todo="run again")
    gold = gold_of(work.params["format"], rows)
    _refuse_blank(gold, work)
    return ids, gold, [row["prediction"] for row in found]


def _refuse_blank(gold: Sequence[Any], work: Work) -> None:
    if gold_is_blank(gold, work.params["format"]):
        raise DataError(
            f"the gold labels of {work.stage.label} are blank or all the same: not scored",
            todo="benchmarks remove test labels; get the labelled set, or score elsewhere",
        )


def _searched(work: Work) -> tuple[list[str], Sequence[Any], Any]:
    """Both directions' queries: those of the language first, then the English ones."""
    sides = {}
    for side in ("here", "english"):
        rows = read_rows(work.inputs[f"rows:{side}"] / "rows.parquet")
        vectors = np.load(work.inputs[f"vectors:{side}"] / "vectors.npy", allow_pickle=False)
        gold = gold_of("retrieval", rows)
        _refuse_blank(gold, work)
        sides[side] = [row["id"] for row in rows], vectors, gold
    ids: list[str] = []
    tables: list[Floats] = []
    for query, pool in (("here", "english"), ("english", "here")):
        names, vectors, meanings = sides[query]
        _, candidates, answers = sides[pool]
        found = ranks(vectors, candidates, meanings, answers)
        kept = np.flatnonzero(found)
        ids += [f"{query}:{names[place]}" for place in kept]
        tables.append(statistics(found[kept], from_english=query == "english"))
    if not ids:
        raise DataError(f"{work.stage.label}: no sentence has a counterpart in English")
    return ids, [None] * len(ids), np.concatenate(tables)
