"""mAP@20 against recorded outputs of XTREME-R's code for LAReQA and Mewsli-X."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xstilts.metrics.average_precision import DEPTH, MAP_AT_20, average_precision
from xstilts.metrics.pooled_search import (
    answers_by_key,
    equal_candidates,
    nearest_candidates,
    ranked_answers,
)

RECORDED = json.loads((Path(__file__).parent / "retrieval_map.json").read_text(encoding="utf-8"))


def cases(name: str) -> Any:
    return pytest.mark.parametrize("case", RECORDED[name], ids=lambda case: f"seed{case['seed']}")


def value(right_answers: list[int], ranks: list[list[int]]) -> float:
    return float(MAP_AT_20.value(MAP_AT_20.statistics(right_answers, ranks, "").sum(0)))


@cases("average_precision")
def test_average_precision_equals_the_reference(case: dict[str, Any]) -> None:
    draw = np.random.Generator(np.random.PCG64(case["seed"]))
    order = draw.permutation(60).tolist()
    targets = draw.choice(60, case["right"], replace=False).tolist()
    ranks = [order.index(target) + 1 for target in targets]
    assert average_precision(ranks, len(targets)) == pytest.approx(case["at_20"], abs=1e-12)


@cases("pools")
def test_a_pool_of_three_languages_scores_as_in_the_reference(case: dict[str, Any]) -> None:
    draw = np.random.Generator(np.random.PCG64(case["seed"]))
    languages, n = ("de", "en", "th"), 40
    meaning = draw.standard_normal((n, 12))
    queries, asked = [], []
    for _ in languages:
        for number in range(n):
            queries.append(meaning[number] + 0.9 * draw.standard_normal(12))
            asked.append((f"x{number}",))
    pool, keys = [], []
    for language in languages:
        for number in range(n):
            if language == "th" and number % 3 == 0:
                continue
            keys.append((f"x{number}",))
            pool.append(meaning[number] + 0.9 * draw.standard_normal(12))
        for _ in range(20):
            keys.append(())
            pool.append(draw.standard_normal(12))
    right = answers_by_key(asked, keys)
    nearest = nearest_candidates(
        np.array(queries, dtype="f4"), [np.array(pool, dtype="f4")], DEPTH + 3
    )
    equals = equal_candidates(right, np.arange(len(keys)))
    ranks = [found.tolist() for _, found in ranked_answers(nearest, right, equals, DEPTH)]
    assert value(list(map(len, right)), ranks) == pytest.approx(case["value"], abs=1e-6)


@cases("mewsli_x")
def test_one_right_answer_scores_as_in_mewsli_x(case: dict[str, Any]) -> None:
    draw = np.random.Generator(np.random.PCG64(case["seed"]))
    ranks = []
    for _ in range(50):
        gold = draw.integers(0, 30)
        ranks.append([draw.permutation(30).tolist().index(gold) + 1])
    assert value([1] * 50, ranks) == pytest.approx(case["value"], abs=1e-12)


def test_the_mock_predictions_of_xtreme_r_score_as_recorded() -> None:
    mock = RECORDED["mock_test_data"]
    by_language = [
        value([1] * len(ranks), [[rank] if rank else [] for rank in ranks])
        for ranks in mock["ranks"].values()
    ]
    assert len(by_language) == 11
    assert np.mean(by_language) == pytest.approx(mock["macro_average"], abs=1e-12)
