"""Calibration: whether predictions with a probability of p are right in a share p of the cases.

Expected calibration error with bins of equal width, as in Guo et al. (2017), arXiv 1706.04599.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xstilts.metrics.base import Floats

BINS = 15
"""As in Guo et al.: (0, 1/15], (1/15, 2/15], ..., (14/15, 1]."""


@dataclass(frozen=True, eq=False)
class CalibrationBins:
    """Sums over the examples of each bin of confidence.

    Args:
        counts: [bins] number of examples.
        confidences: [bins] sums of the probabilities of the predicted classes.
        right: [bins] numbers of right predictions.
    """

    counts: NDArray[np.int64]
    confidences: Floats
    right: NDArray[np.int64]

    @property
    def examples(self) -> int:
        """Number of examples."""
        return int(self.counts.sum())

    @property
    def accuracy(self) -> float:
        """Share of right predictions; NaN without examples."""
        return _share(float(self.right.sum()), self.examples)

    @property
    def confidence(self) -> float:
        """Mean probability of the predicted classes; NaN without examples."""
        return _share(float(self.confidences.sum()), self.examples)

    @property
    def error(self) -> float:
        """Expected calibration error: |accuracy - confidence| of each bin, by its examples.

        NaN without examples. Few examples make it larger: it is no unbiased estimate.
        """
        return _share(float(np.abs(self.right - self.confidences).sum()), self.examples)

    @property
    def chance_error(self) -> float:
        """What `error` is to be expected of perfect calibration with as many examples per bin.

        The mean absolute deviation of a normal distribution with the variance of each bin's
        number of right predictions, n p (1 - p); NaN without examples.
        """
        return float(np.sqrt(2 / np.pi * self.variances).sum()) if self.examples else float("nan")

    @property
    def variances(self) -> Floats:
        """[bins] of the difference of right predictions and confidence, by all examples.

        Under perfect calibration; 0 without examples.
        """
        means = np.divide(
            self.confidences, self.counts, out=np.zeros(len(self.counts)), where=self.counts > 0
        )
        variances: Floats = self.counts * means * (1 - means) / max(self.examples, 1) ** 2
        return variances


@dataclass(frozen=True, eq=False)
class BinnedAnswers:
    """Every example with its bin of confidence.

    Args:
        places: [n] the bin.
        confidences: [n] probability of the predicted class.
        is_right: [n] whether the predicted class is the gold one.
        bins: number of bins.
    """

    places: NDArray[np.int64]
    confidences: Floats
    is_right: NDArray[np.bool_]
    bins: int = BINS

    @property
    def gaps(self) -> Floats:
        """[n] 1 or 0 for a right or wrong prediction, minus its probability."""
        gaps: Floats = self.is_right - self.confidences
        return gaps

    def summed(self) -> CalibrationBins:
        """The sums of each bin."""
        return CalibrationBins(
            np.bincount(self.places, minlength=self.bins),
            np.bincount(self.places, weights=self.confidences, minlength=self.bins).astype(
                np.float64
            ),
            np.bincount(self.places[self.is_right], minlength=self.bins),
        )


def _share(total: float, count: int) -> float:
    return total / count if count else float("nan")


def binned_answers(
    probabilities: Floats, is_right: NDArray[np.bool_], bins: int = BINS
) -> BinnedAnswers:
    """The bin of each example; a probability on the edge of two belongs to the lower one.

    Args:
        probabilities: [n] of the predicted classes.
        is_right: [n] whether the predicted class is the gold one.

    Raises:
        ValueError: other lengths, or a probability outside of 0 to 1.
    """
    if len(probabilities) != len(is_right):
        raise ValueError(f"{len(probabilities)} probabilities for {len(is_right)} predictions")
    if not np.all((probabilities >= 0) & (probabilities <= 1)):
        raise ValueError("a probability is outside of 0 to 1")
    edges = np.arange(1, bins) / bins
    places = np.searchsorted(edges, probabilities, side="left")
    return BinnedAnswers(places, probabilities, is_right, bins)


def summed_bins(parts: Sequence[CalibrationBins]) -> CalibrationBins:
    """The bins of all examples of several sets, which have the same number of bins."""
    return CalibrationBins(
        np.sum([one.counts for one in parts], axis=0),
        np.sum([one.confidences for one in parts], axis=0),
        np.sum([one.right for one in parts], axis=0),
    )
