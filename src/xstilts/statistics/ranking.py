"""Quality of a predicted ranking of intermediate tasks, given their true scores on a target.

Ties in the prediction are resolved in the worst order, so that an uninformative prediction gets
no credit.
"""

from __future__ import annotations

from math import comb

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xstilts.statistics.estimate import Floats


def ndcg(predicted: ArrayLike, true: ArrayLike, k: int | None = None) -> float:
    """Normalised discounted cumulative gain of the first k items (default: all); 1 is perfect.

    Args:
        predicted: [n] predicted scores.
        true: [n] true scores, not negative; used as graded relevance.

    Raises:
        ValueError: a negative score, different lengths, or nothing to rank.

    Source: Järvelin & Kekäläinen (2002), gain linear in the score, discount log2(rank + 1).
    If all true scores are similar, NDCG is near 1 for any order: report regret as well.
    """
    predictions, scores = _checked(predicted, true)
    if (scores < 0).any():
        raise ValueError("ndcg needs scores of at least 0: pass scores, not gains")
    best = _dcg(np.sort(scores)[::-1], k)
    return _dcg(scores[_order(predictions, scores)], k) / best if best else 1.0


def regret(predicted: ArrayLike, true: ArrayLike, k: int) -> float:
    """Loss from choosing the best of the k top-ranked items, in percent of the best true score.

    100 × (best true score − best true score among the k) / best true score. Written from general
    knowledge of Poth et al. (2021), not verified against their paper or code.

    Raises:
        ValueError: the best score is not positive, different lengths, or nothing to rank.
    """
    predictions, scores = _checked(predicted, true)
    best = float(scores.max())
    if best <= 0:
        raise ValueError("regret needs a positive best score: pass scores, not gains")
    return 100 * (best - float(scores[_order(predictions, scores)[:k]].max())) / best


def expected_ndcg(predicted: ArrayLike, true: ArrayLike) -> float:
    """Mean of `ndcg` over all orders of ties; for a constant prediction, the NDCG of chance.

    Raises:
        ValueError: as for `ndcg`.
    """
    predictions, scores = _checked(predicted, true)
    ndcg(predictions, scores)
    tie_means = {value: scores[predictions == value].mean() for value in predictions}
    expected = np.array([tie_means[value] for value in predictions])
    best = _dcg(np.sort(scores)[::-1], None)
    return _dcg(expected[_order(predictions, scores)], None) / best if best else 1.0


def expected_regret(predicted: ArrayLike, true: ArrayLike, k: int) -> float:
    """Mean of `regret` over all orders of ties; for a constant prediction, the regret of chance.

    Raises:
        ValueError: as for `regret`.
    """
    predictions, scores = _checked(predicted, true)
    regret(predictions, scores, k)
    k = min(k, len(scores))
    threshold = np.sort(predictions)[-k]
    above = scores[predictions > threshold]
    ties = np.sort(scores[predictions == threshold])[::-1]
    n, drawn = len(ties), k - len(above)
    # Probability that tie i is the best of those drawn.
    chances = np.array([comb(n - i - 1, drawn - 1) / comb(n, drawn) for i in range(n)])
    best = np.maximum(ties, above.max()) if len(above) else ties
    return 100 * (1 - float(best @ chances) / float(scores.max()))


def _checked(predicted: ArrayLike, true: ArrayLike) -> tuple[Floats, Floats]:
    predictions, scores = (np.asarray(values, dtype=np.float64) for values in (predicted, true))
    if predictions.shape != scores.shape or not scores.size:
        raise ValueError(f"{predictions.size} predictions for {scores.size} scores")
    if np.isnan(predictions).any() or np.isnan(scores).any():
        raise ValueError("items with NaN cannot be ranked: drop them first")
    return predictions, scores


def _order(predictions: Floats, scores: Floats) -> NDArray[np.intp]:
    """Indices by descending prediction; ties by ascending true score."""
    return np.lexsort((scores, -predictions))


def _dcg(relevance: Floats, k: int | None) -> float:
    top = relevance[:k]
    return float((top / np.log2(np.arange(len(top)) + 2)).sum())
