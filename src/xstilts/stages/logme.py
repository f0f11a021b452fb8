"""`logme`: the evidence of a linear model from vectors to their gold labels."""

from __future__ import annotations

from typing import Any

import numpy as np

from xstilts.stages.base import StageContext
from xstilts.stages.io.sample import GOLD, VECTORS
from xstilts.statistics.logme import logme


def run(context: StageContext) -> dict[str, Any]:
    """Facts: LogME of a `represent` stage's labelled vectors; see `statistics.logme`.

    Raises:
        DataError: fewer than two labels occur.
    """
    vectors, gold = (np.load(context.inputs["vectors"] / name) for name in (VECTORS, GOLD))
    labelled = gold >= 0
    value = logme(vectors[labelled], gold[labelled])
    return {"value": round(value, 10), "vectors": int(labelled.sum())}
