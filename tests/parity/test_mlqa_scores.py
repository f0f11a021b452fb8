"""MLQA's metrics against recorded outputs of its official script, in all seven languages."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from xstilts.core.errors import DataError
from xstilts.metrics import METRICS
from xstilts.metrics.mlqa import ARTICLES, statistics

RECORDED = json.loads((Path(__file__).parent / "mlqa_scores.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("language", ARTICLES)
def test_every_score_equals_the_official_script(language: str) -> None:
    rows = [row for row in RECORDED["rows"] if row[0] == language]
    assert len(rows) > 25
    for _, golds, answer, exact, f1 in rows:
        (found,) = statistics([golds], [answer], language).tolist()
        assert found == [exact, pytest.approx(f1, abs=1e-9), 1.0], (golds, answer)


def test_scores_of_several_answers_equal_the_official_script() -> None:
    rows = [row for row in RECORDED["rows"] if row[0] == "ar"]
    gold, answers = [row[1] for row in rows], [row[2] for row in rows]
    exact, f1 = (np.mean([row[column] for row in rows]) for column in (3, 4))
    for name, value in (
        ("mlqa_exact_match", exact),
        ("mlqa_f1", f1),
        ("mlqa_mean", (exact + f1) / 2),
    ):
        metric = METRICS.get(name)
        found = metric.value(metric.statistics(gold, answers, "ar").sum(0))
        assert float(found) == pytest.approx(value, abs=1e-9)


def test_a_language_outside_mlqa_is_rejected() -> None:
    with pytest.raises(DataError, match="do not cover the language 'th'"):
        statistics([["x"]], ["x"], "th")
