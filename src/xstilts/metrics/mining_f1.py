"""F1 of mined pairs above a threshold, and where the threshold comes from.

Three thresholds: tuned on another split (the task's protocol), the best for the scored split
itself (what jiant reports for dev; optimistic by construction), and cross-validated over the
source sentences (honest where there is one split only).

Two ways with a sentence that is in its collection more than once: XTREME's script leaves such
pairs out, though gold ones still count as missed; jiant pairs all ids of one with all ids of
the other. Metrics whose name ends in `_all` are jiant's.

Source: `bucc_optimize`, `bucc_extract`, `read_sent2id` and `bucc_eval` of XTREME's
utils_retrieve.py; jiant/tasks/lib/bucc2018.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from xstilts.core.hashing import seed_of
from xstilts.metrics.base import Floats, Metric
from xstilts.metrics.bitext_mining import MinedPairs
from xstilts.metrics.spans import value as f1

FOLDS = 5
Golds = Sequence[Sequence[str]]
"""For each source sentence the ids of its translations; most have none."""


@dataclass(frozen=True)
class MiningResult:
    """What the metrics of format `mining` take for predictions.

    Args:
        found: one for each source sentence, in the order of gold.
        tuned_on: gold and found of the split that the threshold is tuned on, if there is one.
    """

    found: Sequence[MinedPairs]
    tuned_on: tuple[Golds, Sequence[MinedPairs]] | None = None


@dataclass(frozen=True)
class _Pairs:
    """Mined pairs of ids: row of the source sentence, score, and whether it is gold; [p]."""

    row: NDArray[np.int64]
    score: Floats
    right: NDArray[np.bool_]


def best_threshold(scores: Floats, right: NDArray[np.bool_], gold_total: int) -> float:
    """The threshold that gives the best F1, if pairs that reach it are kept.

    Args:
        scores: [p], right: [p] whether the pair is gold.
        gold_total: number of gold pairs, mined or not.

    As in the reference, it lies midway between the last pair that is kept and the next, the
    first of equally good places counts, and it is 0 where no pair is right. Where all pairs
    are kept there is no next one, and the reference stops with an error: here it is the last
    pair's own score.
    """
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(right[order])
    if not len(order) or hits[-1] == 0:
        return 0.0
    precision, recall = hits / np.arange(1, len(order) + 1), hits / gold_total
    both = precision + recall
    quality = np.divide(2 * precision * recall, both, out=np.zeros(len(order)), where=both > 0)
    last = int(quality.argmax())
    following = min(last + 1, len(order) - 1)
    return float((scores[order[last]] + scores[order[following]]) / 2)


def tune_threshold(gold: Golds, found: Sequence[MinedPairs], *, repeated: bool) -> float:
    """The threshold that gives these sentences their best F1."""
    pairs = _pairs(gold, found, repeated=repeated)
    return best_threshold(pairs.score, pairs.right, sum(map(len, gold)))


def _pairs(gold: Golds, found: Sequence[MinedPairs], *, repeated: bool) -> _Pairs:
    listed = [
        (row, one.score, target in golds)
        for row, (golds, one) in enumerate(zip(gold, found, strict=True))
        if repeated or not one.repeated
        for target in one.targets
    ]
    rows, scores, right = ([item[place] for item in listed] for place in range(3))
    return _Pairs(np.array(rows, np.int64), np.array(scores, np.float64), np.array(right, np.bool_))


def _table(gold: Golds, pairs: _Pairs, threshold: Floats) -> Floats:
    """[n, 3]: pairs right, pairs kept, gold pairs; `threshold` [n] is each sentence's own."""
    kept = pairs.score >= threshold[pairs.row]
    counts = [np.bincount(pairs.row, which, len(gold)) for which in (kept & pairs.right, kept)]
    return np.stack([*counts, np.array([len(golds) for golds in gold])], axis=1).astype(np.float64)


def at_dev_threshold(
    gold: Golds, predicted: MiningResult, language: str, *, repeated: bool
) -> Floats:
    """Statistics at the threshold that is best on the other split; without one, crossvalidated."""
    if predicted.tuned_on is None:
        return crossvalidated(gold, predicted, language, repeated=repeated)
    threshold = tune_threshold(*predicted.tuned_on, repeated=repeated)
    pairs = _pairs(gold, predicted.found, repeated=repeated)
    return _table(gold, pairs, np.full(len(gold), threshold))


def best(gold: Golds, predicted: MiningResult, language: str, *, repeated: bool) -> Floats:
    """Statistics at the threshold that is best for these very sentences."""
    pairs = _pairs(gold, predicted.found, repeated=repeated)
    threshold = best_threshold(pairs.score, pairs.right, sum(map(len, gold)))
    return _table(gold, pairs, np.full(len(gold), threshold))


def crossvalidated(
    gold: Golds, predicted: MiningResult, language: str, *, repeated: bool
) -> Floats:
    """Statistics of each fold at the threshold that is best for the other folds.

    A sentence's fold depends on its id alone, so that all encoders have the same folds.
    """
    pairs = _pairs(gold, predicted.found, repeated=repeated)
    folds = np.array([fold_of(one.source) for one in predicted.found], dtype=np.int64)
    sizes = np.array([len(golds) for golds in gold], dtype=np.int64)
    threshold = np.zeros(len(gold))
    for fold in range(FOLDS):
        others = folds[pairs.row] != fold
        total = int(sizes[folds != fold].sum())
        threshold[folds == fold] = best_threshold(pairs.score[others], pairs.right[others], total)
    return _table(gold, pairs, threshold)


def fold_of(source: str) -> int:
    """The fold of a source sentence."""
    return seed_of("mining fold", source) % FOLDS


def _metric(name: str, rows: Callable[..., Floats], title: str, *, repeated: bool) -> Metric:
    ids = "all ids of repeated sentences" if repeated else "without repeated sentences"
    statistics = partial(rows, repeated=repeated)
    return Metric(name, 1, statistics, f1, ("mining",), f"F1 of mined pairs, {title}, {ids}")


TUNED, OWN, CROSS = (
    "threshold from dev, else cross-validated",
    "best threshold",
    "cross-validated threshold",
)
MINING_F1 = _metric("mining_f1", at_dev_threshold, TUNED, repeated=False)
MINING_F1_BEST = _metric("mining_f1_best", best, OWN, repeated=False)
MINING_F1_CROSSVALIDATED = _metric(
    "mining_f1_crossvalidated", crossvalidated, CROSS, repeated=False
)
MINING_F1_ALL = _metric("mining_f1_all", at_dev_threshold, TUNED, repeated=True)
MINING_F1_BEST_ALL = _metric("mining_f1_best_all", best, OWN, repeated=True)
MINING_F1_CROSSVALIDATED_ALL = _metric(
    "mining_f1_crossvalidated_all", crossvalidated, CROSS, repeated=True
)
