"""SQuAD's metrics against recorded outputs of the official scripts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from xstilts.metrics import METRICS
from xstilts.metrics.squad import statistics_v1, statistics_v2

RECORDED = json.loads((Path(__file__).parent / "squad_scores.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("row", RECORDED["rows"])
def test_every_score_equals_the_official_script(row: list[object]) -> None:
    golds, answer, exact_v1, f1_v1, exact_v2, f1_v2 = row
    if exact_v1 is not None:
        (found,) = statistics_v1([golds], [answer], "en").tolist()  # type: ignore[list-item]
        assert found == [exact_v1, pytest.approx(f1_v1, abs=1e-12), 1.0]
    (found,) = statistics_v2([golds], [answer], "en").tolist()  # type: ignore[list-item]
    assert found == [exact_v2, pytest.approx(f1_v2, abs=1e-12), 1.0]


def test_the_mean_averages_exact_match_and_f1() -> None:
    gold, answers = [["a cat"], ["dog", "a dog"]], ["black cat", "dog"]
    values = {}
    for name in ("qa_mean", "exact_match", "token_f1"):
        metric = METRICS.get(name)
        values[name] = float(metric.value(metric.statistics(gold, answers, "en").sum(0)))
    assert values["exact_match"] == 0.5
    assert values["token_f1"] == pytest.approx((2 / 3 + 1) / 2)
    assert values["qa_mean"] == pytest.approx((values["exact_match"] + values["token_f1"]) / 2)
