"""Exact match and token F1 of answers, by the rules of SQuAD's own scripts.

Source: evaluate-v1.1.py and evaluate-v2.0.py of SQuAD (Rajpurkar et al. 2016, 2018). They
differ where nothing is left of an answer after normalisation: v1.1 gives it an F1 of 0, v2.0
compares for equality, and leaves such gold answers out. XQuAD and TyDiQA use these English
rules for all languages.
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
Golds = Sequence[str]
Normal = Callable[[str], str]
"""An answer as it is compared: its tokens with single spaces between."""


def normalize_answer(text: str) -> str:
    """Lower case, no ASCII punctuation, no English articles, single spaces."""
    bare = text.lower().translate(PUNCTUATION)
    return " ".join(ARTICLES.sub(" ", bare).split())


def token_f1(gold: str, predicted: str, *, empty_counts: bool) -> float:
    """F1 of the bags of tokens; with `empty_counts`, two empty ones agree (v2.0)."""
    one, other = gold.split(), predicted.split()
    if empty_counts and not (one and other):
        return float(one == other)
    shared = (Counter(one) & Counter(other)).total()
    return 2 * shared / (len(one) + len(other)) if shared else 0.0


def _golds(golds: Golds, normal: Normal, *, empty_counts: bool) -> Golds:
    """The normalised answers to compare with; nothing at all is the empty answer."""
    found = [normal(gold) for gold in golds]
    return [gold for gold in found if gold or not empty_counts] or [""]


def statistics(
    gold: Sequence[Golds], predicted: Sequence[str], normal: Normal, *, empty_counts: bool
) -> Floats:
    """[n, 3]: exact match, F1, 1; the best over an example's gold answers."""
    rows = []
    for golds, guess in zip(gold, predicted, strict=True):
        wanted, have = _golds(golds, normal, empty_counts=empty_counts), normal(guess)
        f1 = max(token_f1(one, have, empty_counts=empty_counts) for one in wanted)
        rows.append((float(have in wanted), f1, 1.0))
    return np.array(rows).reshape(-1, 3)


def statistics_v1(gold: Sequence[Golds], predicted: Sequence[str], language: str) -> Floats:
    """By the rules of SQuAD v1.1."""
    return statistics(gold, predicted, normalize_answer, empty_counts=False)


def statistics_v2(gold: Sequence[Golds], predicted: Sequence[str], language: str) -> Floats:
    """By the rules of SQuAD v2.0."""
    return statistics(gold, predicted, normalize_answer, empty_counts=True)


def exact_match(sums: Floats) -> Floats:
    """Share of exact matches."""
    return ratio(sums[..., 0], sums[..., 2])


def mean_f1(sums: Floats) -> Floats:
    """Mean F1."""
    return ratio(sums[..., 1], sums[..., 2])


def mean_of_both(sums: Floats) -> Floats:
    """What XTREME averages for its QA tasks, and jiant chooses checkpoints by."""
    return (exact_match(sums) + mean_f1(sums)) / 2


def _metric(name: str, value: Callable[[Floats], Floats], title: str, *, v2: bool) -> Metric:
    rows = statistics_v2 if v2 else statistics_v1
    rules = "v2.0" if v2 else "v1.1"
    return Metric(name, 1, rows, value, ("span",), f"{title}, SQuAD {rules} rules")


QA_MEAN = _metric("qa_mean", mean_of_both, "mean of exact match and F1", v2=False)
EXACT_MATCH = _metric("exact_match", exact_match, "exact match", v2=False)
TOKEN_F1 = _metric("token_f1", mean_f1, "token F1", v2=False)
QA_MEAN_V2 = _metric("qa_mean_v2", mean_of_both, "mean of exact match and F1", v2=True)
EXACT_MATCH_V2 = _metric("exact_match_v2", exact_match, "exact match", v2=True)
TOKEN_F1_V2 = _metric("token_f1_v2", mean_f1, "token F1", v2=True)
