"""Bitext mining against recorded outputs of XTREME's and jiant's functions."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xstilts.metrics import METRICS
from xstilts.metrics.bitext_mining import MinedPairs, deduplicate, group_by_source, mine_pairs
from xstilts.metrics.mining_f1 import MiningResult, tune_threshold

RECORDED = json.loads((Path(__file__).parent / "mining_scores.json").read_text(encoding="utf-8"))
CASES = pytest.mark.parametrize("case", RECORDED["cases"], ids=lambda case: f"seed{case['seed']}")


@dataclass
class Collections:
    """Two collections with planted pairs, in which the text of some rows is that of others."""

    source: list[str]
    target: list[str]
    left: np.ndarray
    right: np.ndarray
    gold: list[tuple[str, ...]]


def made(case: dict[str, Any]) -> Collections:
    draw = np.random.Generator(np.random.PCG64(case["seed"]))
    n, m, width, pairs = (case[name] for name in ("n", "m", "d", "pairs"))
    left, right = draw.standard_normal((n, width)), draw.standard_normal((m, width))
    right[:pairs] = left[:pairs] + case["noise"] * right[:pairs]
    source, target = [f"s {row}" for row in range(n)], [f"t {row}" for row in range(m)]
    gold = [(f"en-{row:03d}",) if row < pairs else () for row in range(n)]
    for k in range(case["doubled"]):
        source[n - 1 - k], left[n - 1 - k] = source[2 * k], left[2 * k]
        target[m - 1 - k], right[m - 1 - k] = target[2 * k + 1], right[2 * k + 1]
        gold[n - 1 - k] = (f"en-{2 * k:03d}",)
    return Collections(source, target, left.astype("f4"), right.astype("f4"), gold)


def mined(both: Collections) -> list[MinedPairs]:
    here, there = deduplicate(both.source), deduplicate(both.target)
    found = mine_pairs(both.left[here[0]], both.right[there[0]])
    ids = [f"xx-{row:03d}" for row in range(len(both.source))]
    others = [f"en-{row:03d}" for row in range(len(both.target))]
    return group_by_source(found, ids, here[1], others, there[1])


@CASES
def test_candidates_equal_the_reference(case: dict[str, Any]) -> None:
    both = made(case)
    here, there = deduplicate(both.source)[0], deduplicate(both.target)[0]
    found = mine_pairs(both.left[here], both.right[there])
    ours = [
        [both.source[here[row]], both.target[there[column]], pytest.approx(score, rel=1e-5)]
        for row, column, score in zip(found.source, found.target, found.score, strict=True)
    ]
    assert case["xtreme"]["candidates"] == ours


@CASES
@pytest.mark.parametrize(("reference", "ending"), [("xtreme", ""), ("jiant", "_all")])
def test_threshold_and_f1_equal_the_reference(
    case: dict[str, Any], reference: str, ending: str
) -> None:
    both, theirs = made(case), case[reference]
    found = mined(both)
    threshold = tune_threshold(both.gold, found, include_repeated=bool(ending))
    assert threshold == pytest.approx(theirs["threshold"], rel=1e-5)
    own, other = METRICS.get(f"mining_f1_best{ending}"), METRICS.get(f"mining_f1{ending}")
    table = own.statistics(both.gold, MiningResult(found), "xx")
    assert float(own.value(table.sum(0))) == pytest.approx(theirs["f1"], abs=1e-9)
    assert table[:, 1].sum() == len(theirs["predicted"])
    again = other.statistics(both.gold, MiningResult(found, (both.gold, found)), "xx")
    assert again.tolist() == table.tolist()
