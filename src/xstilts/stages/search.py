"""`search`: each sentence's nearest neighbour in the other language, both ways."""

from __future__ import annotations

from typing import Any

from xstilts.metrics.equivalence import merge_equivalent
from xstilts.metrics.knn import bidirectional_knn
from xstilts.metrics.retrieval import ranks
from xstilts.stages.base import StageContext
from xstilts.stages.io.bitext import SIDES
from xstilts.stages.io.retrieval_sides import read_side
from xstilts.stages.io.rows import PREDICTIONS, write_rows

DIRECTIONS = (("to_en", "here", "english"), ("from_en", "english", "here"))
WITHOUT_COUNTERPART = "sentence without a counterpart, not scored"
"""Queries that no sentence of the other language answers; no metric counts them."""


def run(context: StageContext) -> dict[str, Any]:
    """Write `predictions.parquet`: id, direction, predicted id, rank of the best correct answer.

    The rank is 0 if no answer is correct. Answers with the same text are equivalent, as no
    encoder can distinguish them.
    """
    sides = {name: read_side(context, name) for name in SIDES}
    meanings = merge_equivalent({name: (side.texts, side.meanings) for name, side in sides.items()})
    rows = []
    both = bidirectional_knn(sides["here"].vectors, sides["english"].vectors, 1)
    for (direction, query, pool), neighbours in zip(DIRECTIONS, both, strict=True):
        queries, answers = sides[query], sides[pool]
        gold_ranks = ranks(queries.vectors, answers.vectors, meanings[query], meanings[pool])
        rows += [
            {
                "id": name,
                "direction": direction,
                "prediction": answers.ids[best],
                "rank": int(rank),
            }
            for name, best, rank in zip(
                queries.ids, neighbours.index[:, 0].tolist(), gold_ranks, strict=True
            )
        ]
    write_rows(context.folder / PREDICTIONS, rows)
    if unanswered := sum(not row["rank"] for row in rows):
        context.feature_problems[WITHOUT_COUNTERPART] += unanswered
    return {"rows": len(rows)}
