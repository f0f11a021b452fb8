"""`guess`: what a task's labels give away before any text is read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from xstilts.metrics import METRICS
from xstilts.metrics.base import Metric
from xstilts.stages.base import StageContext
from xstilts.stages.io.gold import gold_of
from xstilts.stages.io.rows import read_rows
from xstilts.stages.prepare import ROWS

MAJORITY_LABEL = ("classification", "multiple_choice")
"""Formats whose answer is one of the task's labels."""


def run(context: StageContext) -> dict[str, Any]:
    """Facts: the dev score of always giving the most frequent training answer, and of chance.

    `chance` is what is expected of a guess that is drawn evenly from the labels; none for tags
    and spans. Both are scored by the task's own metric; none where it is not a number.
    """
    kind, labels = context.params["format"], context.params["labels"]
    train, gold = (gold_of(kind, _rows(context, role)) for role in ("train", "dev"))
    usual = most_frequent(kind, train)
    metric, language = METRICS.get(context.params["metric"]), context.params.get("language", "en")

    def score(answers: Sequence[Any]) -> float | None:
        """The mean over the answers of what each gives, taken before sums become a value."""
        tables = [_constant(metric, kind, gold, answer, language) for answer in answers]
        value = float(metric.value(np.mean(tables, axis=0)))
        return round(value, 10) if np.isfinite(value) else None

    return {
        "usual": usual,
        "majority": score([usual]),
        "chance": score(labels) if kind in MAJORITY_LABEL else None,
    }


def most_frequent(kind: str, gold: Sequence[Any]) -> str:
    """The most frequent label, tag of a word or first answer; the first met of equals."""
    if kind == "tagging":
        counted = Counter(tag for tags in gold for tag in tags)
    elif kind == "span":
        counted = Counter(answers[0] if answers else "" for answers in gold)
    else:
        counted = Counter(gold)
    return str(counted.most_common(1)[0][0])


def _constant(metric: Metric, kind: str, gold: Sequence[Any], answer: str, language: str) -> Any:
    """Column sums of the metric where every example, or word, gets the same answer."""
    given = [[answer] * len(tags) if kind == "tagging" else answer for tags in gold]
    return metric.statistics(gold, given, language).sum(0)


def _rows(context: StageContext, role: str) -> list[dict[str, Any]]:
    """The rows of all languages that play a part."""
    return [
        row
        for name, artifact in sorted(context.inputs.items())
        if name.startswith(f"{role}:")
        for row in read_rows(artifact / ROWS)
    ]
