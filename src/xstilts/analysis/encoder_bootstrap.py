"""Bootstrap of encoders' scores over the same test examples.

In each draw all encoders are scored on the same resampled examples, which are the same in languages
that have them in common. Their seeds are not paired:
seed 0 of one encoder has nothing in common with seed 0 of another but the order of the training
data, so that what other seeds would add is drawn for each encoder independently.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from threadpoolctl import threadpool_limits

from xstilts.analysis.gain_bootstrap import System, no_difference, resampled_scores
from xstilts.metrics import METRICS
from xstilts.statistics.bootstrap import add_seed_variance
from xstilts.statistics.estimate import Floats
from xstilts.statistics.joint_draws import joint_weights


def bootstrap_scores(
    systems: Mapping[str, System],
    metric: str,
    languages: Sequence[str],
    draws: int,
    streams: Mapping[str, str] | None = None,
) -> dict[str, Floats]:
    """Encoder → [draws] its mean score over languages and seeds.

    Args:
        systems: encoder → its runs; each has all of its seeds in all of the languages.
        streams: encoder → name of its random numbers; an encoder's own name where it is absent.

    Raises:
        ValueError: the encoders were tested on different examples.
    """
    seeds = {name: sorted({seed for _, seed in system}) for name, system in systems.items()}
    totals = {name: np.zeros((draws, len(own))) for name, own in seeds.items()}
    runs = [(name, seed) for name, own in seeds.items() for seed in own]
    of_metric = METRICS.get(metric)
    scores = {code: [systems[name][code, seed] for name, seed in runs] for code in languages}
    for code, of_language in scores.items():
        if len({score.ids for score in of_language}) != 1:
            raise ValueError(f"{code}: the encoders were tested on different examples")
    ids = {code: of_language[0].ids for code, of_language in scores.items()}
    with threadpool_limits(1, "blas"):
        for code, block, weights in joint_weights(ids, draws):
            tables = np.stack([score.statistics for score in scores[code]])
            observed = float(np.nanmean(of_metric.value(tables.sum(axis=1))))
            drawn = no_difference(resampled_scores(of_metric, weights, tables), observed)
            for column, (name, seed) in enumerate(runs):
                totals[name][block, seeds[name].index(seed)] += drawn[:, column]
    return {
        name: add_seed_variance(total / len(languages), stream=(streams or {}).get(name, name))
        for name, total in totals.items()
    }
