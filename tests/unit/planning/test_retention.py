"""Which stages' files an experiment does not keep."""

from __future__ import annotations

import pytest

from xstilts.core.plan import Plan
from xstilts.core.stage import Cost, Stage
from xstilts.planning.compile import CompiledPlan, ResultCell
from xstilts.planning.retention import LARGE_VECTORS, droppable_stages

ENCODER = Stage("encoder", 1, {}, label="encoder")
MIDDLE = Stage("train", 1, {"task": "a"}, {"encoder": ENCODER.key}, label="middle")
TARGET = Stage("train", 1, {"task": "b"}, {"base": MIDDLE.key}, label="target")
TRIAL = Stage("train", 1, {"task": "c"}, {"base": MIDDLE.key}, label="trial")
SCORE = Stage("score", 1, {}, {"model": TARGET.key}, label="score")
VECTORS = [
    Stage("embed", 1, {"size": size}, {"model": MIDDLE.key}, label=label, cost=Cost(1.0, size))
    for label, size in (("few", LARGE_VECTORS - 1), ("many", LARGE_VECTORS))
]
CELL = ResultCell(
    "e", "a", "b", "xx", "test", 0, ("acc",), SCORE.key, (MIDDLE.key, TARGET.key), False
)
COMPILED = CompiledPlan(Plan((ENCODER, MIDDLE, TARGET, TRIAL, *VECTORS, SCORE)), (CELL,))


@pytest.mark.parametrize(
    ("keep", "labels"),
    [
        ("all", set()),
        ("encoders", {"target", "trial", "many"}),
        ("none", {"middle", "target", "trial", "many"}),
    ],
)
def test_each_value_keeps_what_it_names(keep: str, labels: set[str]) -> None:
    plan = COMPILED.plan
    dropped = droppable_stages(COMPILED, keep)  # type: ignore[arg-type]
    assert {plan.by_key[key].label for key in dropped} == labels


def test_without_results_no_training_counts_as_that_of_a_target() -> None:
    assert droppable_stages(CompiledPlan(COMPILED.plan, ()), "encoders") == frozenset()
