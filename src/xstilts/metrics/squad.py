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
Statistics = Callable[[Sequence[GoldAnswers], Sequence[str], str], Floats]


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


def answer_metrics(
    names: tuple[str, str, str], statistics: Statistics, rules: str, *, by_language: bool = False
) -> tuple[Metric, Metric, Metric]:
    """Mean of both, exact match and token F1 over the same statistics.

    Args:
        names: of the three metrics.
        statistics: (gold, predicted, language) → [n, 3], see `statistics`.
        rules: normalisation rules, for titles.
        by_language: whether the statistics depend on the language.
    """
    mean, exact, f1 = (
        Metric(name, 1, statistics, value, ("span",), f"{title}, {rules} rules", by_language)
        for name, (value, title) in zip(names, SCORES, strict=True)
    )
    return mean, exact, f1


SCORES = (
    (mean_of_both, "mean of exact match and F1"),
    (exact_match, "exact match"),
    (mean_f1, "token F1"),
)
QA_MEAN, EXACT_MATCH, TOKEN_F1 = answer_metrics(
    ("qa_mean", "exact_match", "token_f1"), statistics_v1, "SQuAD v1.1"
)
QA_MEAN_V2, EXACT_MATCH_V2, TOKEN_F1_V2 = answer_metrics(
    ("qa_mean_v2", "exact_match_v2", "token_f1_v2"), statistics_v2, "SQuAD v2.0"
)
