"""Keys of stages: what changes them and what does not."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xstilts.core.hashing import canonical, digest_of, seed_of
from xstilts.core.plan import Plan, changes
from xstilts.core.stage import Cost, Stage

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)
STAGE = Stage("train", 1, {"seed": 0, "recipe": {"rate": 1e-5}}, {"encoder": "a" * 64})


@given(st.dictionaries(st.text(max_size=3), JSON, min_size=2))
def test_the_order_of_keys_does_not_change_the_digest(value: dict[str, object]) -> None:
    turned = dict(reversed(value.items()))
    assert digest_of(value) == digest_of(turned)


@given(JSON, JSON)
def test_different_values_have_different_digests(one: object, other: object) -> None:
    assert (digest_of(one) == digest_of(other)) == (canonical(one) == canonical(other))


def test_nan_cannot_be_hashed() -> None:
    with pytest.raises(ValueError, match="NaN|Out of range"):
        digest_of({"a": float("nan")})


@pytest.mark.parametrize(
    "other",
    [
        replace(STAGE, kind="predict"),
        replace(STAGE, version=2),
        replace(STAGE, params={**STAGE.params, "seed": 1}),
        replace(STAGE, params={**STAGE.params, "recipe": {"rate": 2e-5}}),
        replace(STAGE, inputs={"encoder": "b" * 64}),
        replace(STAGE, inputs={"base": "a" * 64}),
    ],
)
def test_every_input_of_the_result_changes_the_key(other: Stage) -> None:
    assert other.key != STAGE.key


def test_labels_costs_and_folders_are_not_in_the_key() -> None:
    other = replace(
        STAGE, label="x", cost=Cost(9, 9), affinity="y", context={"folder": "/somewhere"}
    )
    assert other.key == STAGE.key


def test_a_known_key_does_not_change() -> None:
    """The key of a stage is a promise to every store out there."""
    assert STAGE.key == "8736bd42520fb8f0dd78cf9aca6c29276e2587aacf07ffefd7119ffffe2a8f0b"


def test_a_stage_survives_a_json_round_trip() -> None:
    assert Stage.from_json(STAGE.to_json()) == STAGE
    priced = replace(STAGE, cost=Cost(1.5, 2, 3e17))
    assert Stage.from_json(priced.to_json()).cost == priced.cost


def test_seeds_do_not_depend_on_the_process() -> None:
    assert seed_of("heads", 0) == 717871629529904961
    assert seed_of("heads", 0) != seed_of("heads", 1)
    assert 0 <= seed_of("heads", 0) < 2**63


def test_a_plan_with_inputs_after_their_users_is_rejected() -> None:
    root = replace(STAGE, inputs={})
    child = Stage("score", 1, {}, {"rows": root.key})
    assert Plan.of([root, child, child]).stages == (root, child)
    with pytest.raises(ValueError, match="before its inputs"):
        Plan.of([child, root])


def test_differences_between_stages_are_named() -> None:
    other = replace(STAGE, params={**STAGE.params, "recipe": {"rate": 2e-5}})
    assert changes(STAGE.to_json(), other.to_json()) == ["params.recipe.rate"]
