"""`guess`: the score of answers that are given without reading a text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from xstilts.core.errors import DataError
from xstilts.formats import FORMATS
from xstilts.metrics import METRICS
from xstilts.stages.base import StageContext
from xstilts.stages.io.rows import read_rows
from xstilts.stages.prepare import ROWS


def run(context: StageContext) -> dict[str, Any]:
    """Facts: the dev scores of the majority baseline and of chance.

    `usual` is the constant answer of the format's baseline, such as the most frequent training
    label, and `majority` its score. `chance` is the expected score of a label drawn uniformly;
    none unless a label is a class of the whole text. Both use the task's own metric, and are none
    where it is not a number.

    Raises:
        DataError: the format has no baseline.
    """
    spec, labels = FORMATS.get(context.params["format"]), context.params["labels"]
    baseline = spec.baseline
    if baseline is None:
        raise DataError(f"format {spec.name} has no majority baseline")
    train, gold = (spec.gold_of_rows(_rows(context, role)) for role in ("train", "dev"))
    metric, language = METRICS.get(context.params["metric"]), context.params.get("language", "en")

    def score(answers: Sequence[Any]) -> float | None:
        """The score of a uniformly drawn answer: column sums averaged, then their value."""
        tables = [
            metric.statistics(gold, baseline.predictions(answer, gold), language).sum(0)
            for answer in answers
        ]
        value = float(metric.value(np.mean(tables, axis=0)))
        return round(value, 10) if np.isfinite(value) else None

    usual = baseline.answer(train)
    return {
        "usual": usual,
        "majority": score([usual]),
        "chance": score(labels) if spec.class_of == "text" else None,
    }


def _rows(context: StageContext, role: str) -> list[dict[str, Any]]:
    """The rows of a role in all its languages."""
    return [
        row
        for name, artifact in sorted(context.inputs.items())
        if name.startswith(f"{role}:")
        for row in read_rows(artifact / ROWS)
    ]
