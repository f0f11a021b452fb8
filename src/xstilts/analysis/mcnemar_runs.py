"""Single runs compared with the baseline's run: McNemar's test over test examples."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import numpy as np
import pandas as pd

from xstilts.analysis.example_scores import ExampleScores
from xstilts.analysis.gains import ENGLISH
from xstilts.config.intermediate import BASELINE
from xstilts.metrics.accuracy import ACCURACY
from xstilts.statistics.mcnemar import mcnemar
from xstilts.statistics.multiple_testing import benjamini_hochberg, holm
from xstilts.statistics.power import detectable_difference

METRIC = ACCURACY.name
COLUMNS = (
    "intermediate", "target", "language", "seed", "gained", "lost", "difference", "low", "high",
    "p", "p_holm", "q", "n", "detectable",
)  # fmt: skip


def paired_answers(outcomes: Iterable[ExampleScores], settings: Collection[str]) -> pd.DataFrame:
    """McNemar's test of each run after these settings, in languages other than English.

    Args:
        outcomes: see `analysis.example_scores`, the baseline's among them; only those of accuracy
            count. A run without the baseline's run of its seed has no row.

    Returns:
        See `COLUMNS`; accuracies between 0 and 1. Holm and Benjamini & Hochberg over all rows.
    """
    runs = {
        (one.intermediate, one.target, one.language, one.seed): one.statistics[:, 0]
        for one in outcomes
        if one.metric == METRIC and one.language != ENGLISH
    }
    rows = []
    for (setting, target, language, seed), right in runs.items():
        base = runs.get((BASELINE, target, language, seed))
        if setting in settings and base is not None:
            found = mcnemar(right, base)
            one, disagree = found.difference, found.gained + found.lost
            seen = detectable_difference(one.n, disagree / one.n)
            numbers = (one.value, one.low, one.high, one.p, np.nan, np.nan, one.n, seen)
            place = setting, target, language, seed
            rows.append((*place, found.gained, found.lost, *numbers))
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    p = table["p"].to_numpy(dtype=np.float64)
    return table.assign(p_holm=holm(p), q=benjamini_hochberg(p))
