"""Single runs compared with the baseline's run: McNemar's test over test examples."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from xstilts.analysis.example_scores import ExampleScores
from xstilts.analysis.gains import ENGLISH, KEY, Gains
from xstilts.metrics.accuracy import ACCURACY
from xstilts.statistics.estimate import NAN
from xstilts.statistics.mcnemar import mcnemar
from xstilts.statistics.multiple_testing import benjamini_hochberg, holm
from xstilts.statistics.power import detectable_difference

METRIC = ACCURACY.name
COLUMNS = (
    "intermediate", "target", "language", "seed", "gained", "lost", "difference", "low", "high",
    "p", "p_holm", "q", "n", "detectable",
)  # fmt: skip


def paired_answers(gains: Gains, outcomes: Iterable[ExampleScores]) -> pd.DataFrame:
    """McNemar's test of each run that has a gain, in languages other than English.

    Args:
        gains: of the runs to test; one that diverged, say, is not among them.
        outcomes: see `analysis.example_scores`, the baseline's among them; only those of accuracy
            count.

    Returns:
        See `COLUMNS`; accuracies between 0 and 1. Holm and Benjamini & Hochberg over all rows.
    """
    compared = set(gains.runs[[*KEY, "language", "seed"]].itertuples(index=False, name=None))
    correct = {
        (scores.encoder, scores.intermediate, scores.target, scores.language, scores.seed): (
            scores.statistics[:, 0]
        )
        for scores in outcomes
        if scores.metric == METRIC and scores.language != ENGLISH
    }
    rows = []
    for run, answers in correct.items():
        encoder, _, target, language, seed = run
        baseline = correct.get((encoder, gains.baseline, target, language, seed))
        if run in compared and baseline is not None:
            test = mcnemar(answers, baseline)
            effect, discordant = test.difference, test.gained + test.lost
            detectable = detectable_difference(effect.n, discordant / effect.n)
            numbers = (effect.value, effect.low, effect.high, effect.p, NAN, NAN)
            rows.append((*run[1:], test.gained, test.lost, *numbers, effect.n, detectable))
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    p = table["p"].to_numpy(dtype=np.float64)
    return table.assign(p_holm=holm(p), q=benjamini_hochberg(p))
