"""Tatoeba's predictions and accuracy against recorded outputs of jiant's function on faiss."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xstilts.metrics import METRICS
from xstilts.metrics.knn import knn
from xstilts.metrics.retrieval import nearest_rows, ranks, statistics

RECORDED = json.loads((Path(__file__).parent / "tatoeba_scores.json").read_text(encoding="utf-8"))
CASES = pytest.mark.parametrize("case", RECORDED["cases"], ids=lambda case: f"seed{case['seed']}")


def made(case: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """English and other vectors, line by line; in some cases lines of the other are equal."""
    draw = np.random.Generator(np.random.PCG64(case["seed"]))
    size = case["n"], case["d"]
    if case["signs"]:
        other, english = draw.choice([-1.0, 1.0], size), draw.choice([-1.0, 1.0], size)
    else:
        other = draw.standard_normal(size)
        for k in range(case["doubled"]):
            other[case["n"] - 1 - k] = other[2 * k]
        english = other + case["noise"] * draw.standard_normal(size)
    return english.astype("f4"), other.astype("f4")


@CASES
def test_nearest_neighbours_equal_the_reference(case: dict[str, Any]) -> None:
    english, other = made(case)
    assert knn(english, other).tolist() == case["found"]


@CASES
def test_accuracy_equals_the_reference_in_any_order(case: dict[str, Any]) -> None:
    english, other = made(case)
    lines = np.arange(len(english))
    shuffled = np.random.default_rng(0).permutation(lines)
    hits = nearest_rows(english, other[shuffled], shuffled) == lines
    found = ranks(english, other, [str(line) for line in lines], [str(line) for line in lines])
    table = statistics(found, from_english=True, own_line=hits)
    metric = METRICS.get("tatoeba_accuracy")
    value = float(metric.value(metric.statistics([None] * len(table), table, "xx").sum(0)))
    assert value == pytest.approx(case["accuracy"], abs=1e-9)
