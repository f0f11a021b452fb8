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


def run(context: StageContext) -> dict[str, Any]:
    """Write `predictions.parquet`: id, direction, prediction (an id), rank of the best right one.

    The rank is 0 where no answer is right. Answers with the same text are equivalent, as no
    encoder can distinguish them.
    """
    sides = {name: read_side(context, name) for name in SIDES}
    meanings = merge_equivalent(
        {name: (found.texts, found.meanings) for name, found in sides.items()}
    )
    rows = []
    both = bidirectional_knn(sides["here"].vectors, sides["english"].vectors, 1)
    for (direction, query, pool), found in zip(DIRECTIONS, both, strict=True):
        asked, answers = sides[query], sides[pool]
        places = ranks(asked.vectors, answers.vectors, meanings[query], meanings[pool])
        rows += [
            {
                "id": name,
                "direction": direction,
                "prediction": answers.ids[place],
                "rank": int(rank),
            }
            for name, place, rank in zip(asked.ids, found.index[:, 0].tolist(), places, strict=True)
        ]
    write_rows(context.folder / PREDICTIONS, rows)
    return {"rows": len(rows)}
