"""Equal values of stages become one object, and no stage changes."""

from __future__ import annotations

from typing import Any

from xstilts.core.shared_values import SharedValues
from xstilts.core.stage import Cost, Stage


def stage(kind: str = "a", **params: Any) -> Stage:
    return Stage(kind, 1, params, {"rows": "k" * 64}, "x", Cost(1.5, 2, 3.0), "", {"folder": "d"})


def test_equal_values_of_a_kind_are_one_object() -> None:
    shared, stages = SharedValues(), [stage(x=[1]), stage(x=[1]), stage("b", x=[1]), stage(x=[1.0])]
    first, second, other_kind, other_type = found = [shared.stage(one) for one in stages]
    assert found == stages
    assert [one.to_json() for one in found] == [one.to_json() for one in stages]
    assert first.params is second.params
    assert first.context is second.context
    assert first.cost is other_type.cost
    assert first.params is not other_kind.params
    assert first.params is not other_type.params
    assert len({one.key for one in found}) == 3


def test_a_text_that_is_no_unicode_is_kept() -> None:
    odd = stage(text="\ud800")
    assert SharedValues().stage(odd) == odd
