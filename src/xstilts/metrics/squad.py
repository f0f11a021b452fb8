"""Exact match and token F1 of answers, by the rules of the official SQuAD scripts.

Source: evaluate-v1.1.py and evaluate-v2.0.py of SQuAD (Rajpurkar et al. 2016, 2018). They
differ for answers that are empty after normalisation: in v1.1 their F1 is 0, v2.0 compares for
equality and ignores empty gold answers. XQuAD and TyDiQA use these English rules for all
languages.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

from xstilts.metrics.base import Floats, Metric, ratio

ARTICLES = re.compile(r"\b(a|an|the)\b")
PUNCTUATION = str.maketrans("", "", string.punctuation)
GoldAnswers = Sequence[str]
Normalizer = Callable[[str], str]
"""Maps an answer to its tokens, joined by single spaces."""


def normalize_answer(text: str) -> str:
    """Lower-case; remove ASCII punctuation, English articles and repeated spaces."""
    bare = text.lower().translate(PUNCTUATION)
    return " ".join(ARTICLES.sub(" ", bare).split())


def token_f1(gold: str, predicted: str, *, empty_counts: bool) -> float:
    """F1 of the bags of tokens; with `empty_counts`, two empty answers match (v2.0)."""
    gold_tokens, predicted_tokens = gold.split(), predicted.split()
    if empty_counts and not (gold_tokens and predicted_tokens):
        return float(gold_tokens == predicted_tokens)
    shared = (Counter(gold_tokens) & Counter(predicted_tokens)).total()
    return 2 * shared / (len(gold_tokens) + len(predicted_tokens)) if shared else 0.0


def _normalized(answers: GoldAnswers, normalize: Normalizer, *, empty_counts: bool) -> GoldAnswers:
    """Normalize gold answers; if there are none, the only gold answer is the empty one."""
    normalized = [normalize(answer) for answer in answers]
    return [answer for answer in normalized if answer or not empty_counts] or [""]


def statistics(
    gold: Sequence[GoldAnswers],
    predicted: Sequence[str],
    normalize: Normalizer,
    *,
    empty_counts: bool,
) -> Floats:
    """[n, 3]: exact match, F1, 1; each the maximum over an example's gold answers."""
    rows = []
    for answers, raw_prediction in zip(gold, predicted, strict=True):
        prediction = normalize(raw_prediction)
        golds = _normalized(answers, normalize, empty_counts=empty_counts)
        f1 = max(token_f1(answer, prediction, empty_counts=empty_counts) for answer in golds)
        rows.append((float(prediction in golds), f1, 1.0))
    return np.array(rows).reshape(-1, 3)


def statistics_v1(gold: Sequence[GoldAnswers], predicted: Sequence[str], language: str) -> Floats:
    """Exact match, F1, 1 by the rules of SQuAD v1.1."""
    return statistics(gold, predicted, normalize_answer, empty_counts=False)


def statistics_v2(gold: Sequence[GoldAnswers], predicted: Sequence[str], language: str) -> Floats:
    """Exact match, F1, 1 by the rules of SQuAD v2.0."""
    return statistics(gold, predicted, normalize_answer, empty_counts=True)


def exact_match(sums: Floats) -> Floats:
    """Proportion of exact matches."""
    return ratio(sums[..., 0], sums[..., 2])


def mean_f1(sums: Floats) -> Floats:
    """Mean F1."""
    return ratio(sums[..., 1], sums[..., 2])


def mean_of_both(sums: Floats) -> Floats:
    """Mean of exact match and F1: XTREME's QA score, and jiant's criterion for checkpoints."""
    return (exact_match(sums) + mean_f1(sums)) / 2


def _metric(name: str, value: Callable[[Floats], Floats], title: str, *, v2: bool) -> Metric:
    return Metric(
        name=name,
        version=1,
        statistics=statistics_v2 if v2 else statistics_v1,
        value=value,
        formats=("span",),
        title=f"{title}, SQuAD {'v2.0' if v2 else 'v1.1'} rules",
    )


QA_MEAN = _metric("qa_mean", mean_of_both, "mean of exact match and F1", v2=False)
EXACT_MATCH = _metric("exact_match", exact_match, "exact match", v2=False)
TOKEN_F1 = _metric("token_f1", mean_f1, "token F1", v2=False)
QA_MEAN_V2 = _metric("qa_mean_v2", mean_of_both, "mean of exact match and F1", v2=True)
EXACT_MATCH_V2 = _metric("exact_match_v2", exact_match, "exact match", v2=True)
TOKEN_F1_V2 = _metric("token_f1_v2", mean_f1, "token F1", v2=True)
