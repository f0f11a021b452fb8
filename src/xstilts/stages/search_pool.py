"""`search-pool`: the nearest candidates of each query in one pool of all languages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from xstilts.metrics.average_precision import DEPTH
from xstilts.metrics.pooled_search import (
    answers_by_key,
    equal_candidates,
    nearest_candidates,
    ranked_answers,
)
from xstilts.metrics.topk import Indices
from xstilts.stages.base import StageContext
from xstilts.stages.io.retrieval_pool import Passages, read_pool, read_queries
from xstilts.stages.io.rows import PREDICTIONS, write_rows

WITHOUT_ANSWER = "query without a right answer in the pool, not scored"
EQUAL_TEXTS = "candidate with the text of a right answer, without its key, not ranked"
"""Named and counted: see `run`."""


def run(context: StageContext) -> dict[str, Any]:
    """Write `predictions.parquet`: the first 20 candidates of each query, nearest first.

    Columns: id, prediction (ids of candidates), right_ranks (ranks of the right ones, from 1),
    right_answers (their number in the whole pool). Wrong candidates come before right ones of
    equal cosine. Candidates with the text and context of a right one, but without its key, have no
    rank, as no encoder can distinguish them.

    Facts: rows, candidates, and how many candidates have no key, so that they answer no query.
    """
    queries, pool = read_queries(context), read_pool(context)
    group = _groups(pool)
    keys = [keys for part in pool for keys in part.keys]
    right = answers_by_key(queries.keys, keys)
    equals = equal_candidates(right, group)
    most = max((len(a) + len(b) for a, b in zip(right, equals, strict=True)), default=0)
    nearest = nearest_candidates(queries.vectors, [part.vectors for part in pool], DEPTH + most)
    ids = [name for part in pool for name in part.ids]
    rows = [
        {
            "id": name,
            "prediction": [ids[number] for number in candidates.tolist()],
            "right_ranks": ranks.tolist(),
            "right_answers": len(answers),
        }
        for name, answers, (candidates, ranks) in zip(
            queries.ids, right, ranked_answers(nearest, right, equals, DEPTH), strict=True
        )
    ]
    write_rows(context.folder / PREDICTIONS, rows)
    _count(context, rows, equals)
    unasked = sum(not its_keys for its_keys in keys)
    return {"rows": len(rows), "candidates": len(ids), "candidates_without_query": unasked}


def _groups(pool: Sequence[Passages]) -> Indices:
    """[candidates] the number of each candidate's text and context."""
    texts = np.concatenate([part.texts for part in pool])
    groups: Indices = np.unique(texts, return_inverse=True)[1].astype(np.int64)
    return groups


def _count(
    context: StageContext, rows: Sequence[dict[str, Any]], equals: Sequence[Indices]
) -> None:
    if unanswered := sum(not row["right_answers"] for row in rows):
        context.feature_problems[WITHOUT_ANSWER] += unanswered
    if unranked := len(np.unique(np.concatenate(equals))):
        context.feature_problems[EQUAL_TEXTS] += unranked
