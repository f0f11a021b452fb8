"""How good a ranking of intermediate tasks is, given what each is truly worth for a target.

Ties in the prediction are broken against it, so that a measure that says nothing wins nothing.
"""

from __future__ import annotations

from math import comb

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xstilts.statistics.estimate import Floats


def ndcg(predicted: ArrayLike, true: ArrayLike, k: int | None = None) -> float:
    """Normalised discounted cumulative gain of the first k, all by default; 1 is a perfect order.

    Args:
        predicted: [n] the higher, the sooner it would be chosen.
        true: [n] the true scores, none negative: they are the graded relevance.

    Raises:
        ValueError: a negative score, different lengths, or nothing to rank.

    Source: Järvelin & Kekäläinen (2002), gain linear in the score, discount log2(rank + 1).
    Where all tasks are worth about the same it is near 1 for any order: read it beside regret.
    """
    guessed, worth = _both(predicted, true)
    if (worth < 0).any():
        raise ValueError("ndcg needs scores of 0 or more: give scores, not gains")
    best = _discounted(np.sort(worth)[::-1], k)
    return _discounted(worth[_order(guessed, worth)], k) / best if best else 1.0


def regret(predicted: ArrayLike, true: ArrayLike, k: int) -> float:
    """What choosing the best of the k top-ranked loses, as a percentage of the best true score.

    100 × (best true score − best true score among the k) / best true score. Written from general
    knowledge of Poth et al. (2021), not verified against their paper or code.

    Raises:
        ValueError: the best score is not above 0, different lengths, or nothing to rank.
    """
    guessed, worth = _both(predicted, true)
    best = float(worth.max())
    if best <= 0:
        raise ValueError("regret needs a best score above 0: give scores, not gains")
    return 100 * (best - float(worth[_order(guessed, worth)[:k]].max())) / best


def expected_ndcg(predicted: ArrayLike, true: ArrayLike) -> float:
    """The mean of `ndcg` over all orders of equals; a constant prediction gives that of chance.

    Raises:
        ValueError: as `ndcg` does.
    """
    guessed, worth = _both(predicted, true)
    ndcg(guessed, worth)
    level = {guess: worth[guessed == guess].mean() for guess in guessed}
    evened = np.array([level[guess] for guess in guessed])
    best = _discounted(np.sort(worth)[::-1], None)
    return _discounted(evened[_order(guessed, worth)], None) / best if best else 1.0


def expected_regret(predicted: ArrayLike, true: ArrayLike, k: int) -> float:
    """The mean of `regret` over all orders of equals; a constant prediction gives that of chance.

    Raises:
        ValueError: as `regret` does.
    """
    guessed, worth = _both(predicted, true)
    regret(guessed, worth, k)
    k = min(k, len(worth))
    edge = np.sort(guessed)[-k]
    sure, equals = worth[guessed > edge], np.sort(worth[guessed == edge])[::-1]
    n, drawn = len(equals), k - len(sure)
    chances = np.array([comb(n - place - 1, drawn - 1) / comb(n, drawn) for place in range(n)])
    found = np.maximum(equals, sure.max()) if len(sure) else equals  # if it is the drawn ones' best
    return 100 * (1 - float(found @ chances) / float(worth.max()))


def _both(predicted: ArrayLike, true: ArrayLike) -> tuple[Floats, Floats]:
    guessed, worth = (np.asarray(one, dtype=np.float64) for one in (predicted, true))
    if guessed.shape != worth.shape or not worth.size:
        raise ValueError(f"{guessed.size} predictions for {worth.size} scores")
    if np.isnan(guessed).any() or np.isnan(worth).any():
        raise ValueError("what has no score cannot be ranked: leave it out")
    return guessed, worth


def _order(guessed: Floats, worth: Floats) -> NDArray[np.intp]:
    """Places from the highest prediction down, of equals the worst first."""
    return np.lexsort((worth, -guessed))


def _discounted(worth: Floats, k: int | None) -> float:
    first = worth[:k]
    return float((first / np.log2(np.arange(len(first)) + 2)).sum())
