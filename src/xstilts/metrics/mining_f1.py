"""F1 of mined pairs above a threshold.

Three thresholds: tuned on another split (the task's protocol), the best for the scored split
itself (reported by jiant for dev; optimistic by construction), and cross-validated over the
source sentences (unbiased if there is only one split).

Two treatments of duplicates in a collection: XTREME's script ignores their pairs, although gold
pairs still count as missed; jiant pairs all ids of one side with all ids of the other. Metrics
with the suffix `_all` follow jiant.

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
from xstilts.metrics.spans import f1

FOLDS = 5
GoldTargets = Sequence[Sequence[str]]
"""Ids of the translations of each source sentence; most have none."""


@dataclass(frozen=True)
class MiningResult:
    """The predictions that metrics of format `mining` score.

    Args:
        mined: one item per source sentence, in the order of gold.
        dev: gold and mined pairs of the split that the threshold is tuned on, if there is one.
    """

    mined: Sequence[MinedPairs]
    dev: tuple[GoldTargets, Sequence[MinedPairs]] | None = None


@dataclass(frozen=True)
class _ScoredPairs:
    """Mined pairs of ids: row of the source sentence, score, and whether it is gold; [p]."""

    row: NDArray[np.int64]
    score: Floats
    correct: NDArray[np.bool_]


def best_threshold(scores: Floats, correct: NDArray[np.bool_], gold_total: int) -> float:
    """Return the threshold with the highest F1 if pairs that reach it are kept.

    Args:
        scores: [p], correct: [p] whether the pair is gold.
        gold_total: number of gold pairs, mined or not.

    As in the reference, the threshold is midway between the last pair that is kept and the next;
    the first of equally good thresholds is returned, and 0 if no pair is correct. If all pairs
    are kept, the reference fails for want of a next pair: here the threshold is the last score.
    """
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(correct[order])
    if not len(order) or hits[-1] == 0:
        return 0.0
    precision, recall = hits / np.arange(1, len(order) + 1), hits / gold_total
    total = precision + recall
    f1s = np.divide(2 * precision * recall, total, out=np.zeros(len(order)), where=total > 0)
    last = int(f1s.argmax())
    following = min(last + 1, len(order) - 1)
    return float((scores[order[last]] + scores[order[following]]) / 2)


def tune_threshold(
    gold: GoldTargets, mined: Sequence[MinedPairs], *, include_repeated: bool
) -> float:
    """Return the threshold with the highest F1 on these sentences."""
    pairs = _scored_pairs(gold, mined, include_repeated=include_repeated)
    return best_threshold(pairs.score, pairs.correct, sum(map(len, gold)))


def _scored_pairs(
    gold: GoldTargets, mined: Sequence[MinedPairs], *, include_repeated: bool
) -> _ScoredPairs:
    pairs = [
        (row, item.score, target in gold_targets)
        for row, (gold_targets, item) in enumerate(zip(gold, mined, strict=True))
        if include_repeated or not item.repeated
        for target in item.targets
    ]
    rows, scores, correct = ([pair[column] for pair in pairs] for column in range(3))
    return _ScoredPairs(
        np.array(rows, np.int64), np.array(scores, np.float64), np.array(correct, np.bool_)
    )


def _statistics(gold: GoldTargets, pairs: _ScoredPairs, threshold: Floats) -> Floats:
    """[n, 3]: correct pairs, kept pairs, gold pairs; `threshold` [n] is per sentence."""
    kept = pairs.score >= threshold[pairs.row]
    counts = [np.bincount(pairs.row, mask, len(gold)) for mask in (kept & pairs.correct, kept)]
    gold_counts = np.array([len(targets) for targets in gold])
    return np.stack([*counts, gold_counts], axis=1).astype(np.float64)


def at_dev_threshold(
    gold: GoldTargets, predicted: MiningResult, language: str, *, include_repeated: bool
) -> Floats:
    """Statistics at the best threshold of dev; cross-validated if there is no dev."""
    if predicted.dev is None:
        return at_crossvalidated_threshold(
            gold, predicted, language, include_repeated=include_repeated
        )
    threshold = tune_threshold(*predicted.dev, include_repeated=include_repeated)
    pairs = _scored_pairs(gold, predicted.mined, include_repeated=include_repeated)
    return _statistics(gold, pairs, np.full(len(gold), threshold))


def at_best_threshold(
    gold: GoldTargets, predicted: MiningResult, language: str, *, include_repeated: bool
) -> Floats:
    """Statistics at the best threshold of the scored sentences themselves."""
    pairs = _scored_pairs(gold, predicted.mined, include_repeated=include_repeated)
    threshold = best_threshold(pairs.score, pairs.correct, sum(map(len, gold)))
    return _statistics(gold, pairs, np.full(len(gold), threshold))


def at_crossvalidated_threshold(
    gold: GoldTargets, predicted: MiningResult, language: str, *, include_repeated: bool
) -> Floats:
    """Statistics of each fold at the best threshold of the other folds.

    The fold of a sentence depends only on its id, so that all encoders have the same folds.
    """
    pairs = _scored_pairs(gold, predicted.mined, include_repeated=include_repeated)
    folds = np.array([fold_of(item.source) for item in predicted.mined], dtype=np.int64)
    gold_counts = np.array([len(targets) for targets in gold], dtype=np.int64)
    threshold = np.zeros(len(gold))
    for fold in range(FOLDS):
        others = folds[pairs.row] != fold
        total = int(gold_counts[folds != fold].sum())
        threshold[folds == fold] = best_threshold(pairs.score[others], pairs.correct[others], total)
    return _statistics(gold, pairs, threshold)


def fold_of(source: str) -> int:
    """Return the fold of a source sentence, by its id."""
    return seed_of("mining fold", source) % FOLDS


def _metric(
    name: str, statistics: Callable[..., Floats], title: str, *, include_repeated: bool
) -> Metric:
    duplicates = "with" if include_repeated else "without"
    return Metric(
        name=name,
        version=1,
        statistics=partial(statistics, include_repeated=include_repeated),
        value=f1,
        formats=("mining",),
        title=f"F1 of mined pairs, {title}, {duplicates} repeated sentences",
    )


DEV = "threshold from dev, else cross-validated"
BEST = "best threshold"
CROSSVALIDATED = "cross-validated threshold"
MINING_F1 = _metric("mining_f1", at_dev_threshold, DEV, include_repeated=False)
MINING_F1_BEST = _metric("mining_f1_best", at_best_threshold, BEST, include_repeated=False)
MINING_F1_CROSSVALIDATED = _metric(
    "mining_f1_crossvalidated",
    at_crossvalidated_threshold,
    CROSSVALIDATED,
    include_repeated=False,
)
MINING_F1_ALL = _metric("mining_f1_all", at_dev_threshold, DEV, include_repeated=True)
MINING_F1_BEST_ALL = _metric("mining_f1_best_all", at_best_threshold, BEST, include_repeated=True)
MINING_F1_CROSSVALIDATED_ALL = _metric(
    "mining_f1_crossvalidated_all",
    at_crossvalidated_threshold,
    CROSSVALIDATED,
    include_repeated=True,
)
