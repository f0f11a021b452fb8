"""The interval of an expected calibration error (ECE).

ECE cannot be negative, so noise makes it larger: its bootstrap draws lie above it, as it lies above
the truth. A percentile interval would never contain the 0 of a perfectly calibrated model. The
interval is therefore the basic one (Davison & Hinkley 1997), 2 · ECE minus the percentiles of the
draws. Where perfect calibration would give as much, it begins at 0 and ends no earlier than what
perfect calibration gives by chance: an ECE of 0 is no proof of perfect calibration.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from xstilts.core.hashing import seed_of
from xstilts.metrics.calibration import BinnedAnswers
from xstilts.statistics.bootstrap import add_seed_variance, example_weights, percentiles
from xstilts.statistics.estimate import LEVEL, Floats

DRAWS = 1_000


def calibration_draws(
    ids: tuple[str, ...], runs: Sequence[BinnedAnswers], draws: int = DRAWS
) -> Floats:
    """[draws, runs] the errors of the runs in the same draws of the examples.

    Args:
        ids: [n] of the examples, on which the draws depend alone.
    """
    errors = np.empty((draws, len(runs)))
    with threadpool_limits(1, "blas"):
        for block, weights in example_weights(ids, draws):
            for number, run in enumerate(runs):
                gaps = np.zeros((len(ids), run.bins))
                gaps[np.arange(len(ids)), run.places] = run.gaps
                errors[block, number] = np.abs(weights @ gaps).sum(axis=1)
    return errors / len(ids)


def calibration_interval(
    drawn: Floats, errors: Sequence[float], variances: NDArray[np.float64]
) -> tuple[float, float]:
    """The 95 % interval of a mean error over seeds, between 0 and 1.

    Args:
        drawn: [draws, seeds] see `calibration_draws`; what other seeds would add is drawn too.
        errors: [seeds] the errors themselves.
        variances: [seeds, bins] of the mean gap in each bin under perfect calibration, see
            `CalibrationBins.variances`.
    """
    error = float(np.mean(errors))
    least, most = percentiles(add_seed_variance(drawn))
    ends = np.clip([2 * error - most, 2 * error - least], 0.0, 1.0)
    by_chance = _largest_by_chance(variances)
    if error <= by_chance:
        return 0.0, max(float(ends[1]), by_chance)
    return float(ends[0]), float(ends[1])


def _largest_by_chance(variances: NDArray[np.float64]) -> float:
    """What perfect calibration exceeds in 2.5 % of samples, if all seeds have the same errors."""
    generator = np.random.default_rng(seed_of("calibration"))
    normal = np.abs(generator.standard_normal((DRAWS, variances.shape[1])))
    return float(np.quantile(normal @ np.sqrt(variances).mean(axis=0), 1 - LEVEL / 2))
