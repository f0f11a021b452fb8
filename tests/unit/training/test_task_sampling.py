"""The examples of each training step."""

from __future__ import annotations

import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xstilts.training.learning_rate import warmup_events
from xstilts.training.task_sampling import (
    apportion,
    extra_steps,
    sampling_probs,
    schedule,
    steps_per_task,
    total_steps,
)

SIZES = st.dictionaries(st.sampled_from("abcd"), st.integers(1, 60), min_size=1)


@given(SIZES, st.integers(1, 9), st.integers(1, 3), st.integers(0, 5))
def test_a_schedule_has_the_announced_length_and_depends_on_the_seed_alone(
    sizes: dict[str, int], batch: int, epochs: int, seed: int
) -> None:
    plan = schedule(sizes, batch=batch, epochs=epochs, seed=seed)
    assert len(plan) == total_steps(sizes, batch, epochs, None)
    assert plan == schedule(sizes, batch=batch, epochs=epochs, seed=seed)


@given(st.integers(1, 60), st.integers(1, 9), st.integers(1, 3), st.integers(0, 5))
def test_an_epoch_of_one_task_contains_every_example_once(
    size: int, batch: int, epochs: int, seed: int
) -> None:
    plan = schedule({"a": size}, batch=batch, epochs=epochs, seed=seed)
    seen = Counter(example for step in plan for example in step.examples)
    assert set(seen.values()) == {epochs}
    assert len(seen) == size


@given(SIZES, st.integers(1, 9))
def test_no_example_repeats_within_a_batch(sizes: dict[str, int], batch: int) -> None:
    for step in schedule(sizes, batch=batch, epochs=2, seed=0):
        assert len(set(step.examples)) == len(step.examples)
        assert max(step.examples) < sizes[step.task]


def test_seeds_change_the_order() -> None:
    one, other = (schedule({"a": 50}, batch=5, epochs=1, seed=seed) for seed in (0, 1))
    assert one != other


def test_max_task_size_and_temperature_follow_the_formula() -> None:
    assert sampling_probs({"a": 900, "b": 100}, None, 1.0) == pytest.approx({"a": 0.9, "b": 0.1})
    assert sampling_probs({"a": 900, "b": 100}, 300, 1.0) == pytest.approx({"a": 0.75, "b": 0.25})
    assert sampling_probs({"a": 900, "b": 100}, None, 2.0) == pytest.approx({"a": 0.75, "b": 0.25})
    counts = Counter(
        step.task for step in schedule({"a": 900, "b": 100}, batch=10, epochs=1, seed=0)
    )
    assert counts == {"a": 90, "b": 10}
    assert total_steps({"a": 900, "b": 100}, 10, 1, 300) == 40


@given(
    st.dictionaries(st.text(max_size=2), st.floats(0.01, 1), min_size=1, max_size=6),
    st.integers(0, 99),
)
def test_apportioned_steps_sum_to_the_total(weights: dict[str, float], total: int) -> None:
    whole = sum(weights.values())
    counts = apportion({name: weight / whole for name, weight in weights.items()}, total)
    assert sum(counts.values()) == total
    for name, weight in weights.items():
        assert abs(counts[name] - total * weight / whole) < 1


def test_uniform_sampling_gives_all_tasks_equal_steps() -> None:
    sizes = {"a": 900, "b": 100, "c": 30}
    assert sampling_probs(sizes, None, math.inf) == pytest.approx(dict.fromkeys(sizes, 1 / 3))
    plan = schedule(sizes, batch=10, epochs=1, seed=0, temperature=math.inf)
    assert Counter(step.task for step in plan) == {"a": 35, "b": 34, "c": 34}
    assert len(plan) == total_steps(sizes, 10, 1, None)


@given(SIZES, st.integers(1, 9), st.floats(0.05, 0.9), st.integers(0, 3))
def test_added_mlm_steps_have_their_share_and_keep_those_of_other_tasks(
    sizes: dict[str, int], batch: int, share: float, seed: int
) -> None:
    texts = {"text": 40, "more-text": 3}
    given = {"batch": batch, "epochs": 2, "seed": seed}
    alone = schedule(sizes, **given)
    plan = schedule(sizes | texts, extra_tasks=texts.keys(), extra_fraction=share, **given)
    counts = Counter(step.task for step in plan)
    further = counts["text"] + counts["more-text"]
    assert further == extra_steps(len(alone), share) == len(plan) - len(alone)
    assert further == 1 or abs(further - share * len(plan)) <= 1
    assert abs(counts["text"] - counts["more-text"]) <= 1
    for task in sizes:  # the others see the same batches of theirs, in the same order
        assert [one for one in plan if one.task == task] == [
            one for one in alone if one.task == task
        ]


def test_text_without_other_tasks_is_counted_as_a_task() -> None:
    alone = schedule(
        {"text": 20}, batch=4, epochs=2, seed=0, extra_tasks={"text"}, extra_fraction=0.9
    )
    assert alone == schedule({"text": 20}, batch=4, epochs=2, seed=0)


def test_max_steps_limits_all_steps_of_a_mixture_in_proportion() -> None:
    sizes = {"a": 900, "b": 300, "text": 500}
    sampling = {"batch": 10, "epochs": 1, "extra_tasks": {"text"}, "extra_fraction": 0.25}
    assert steps_per_task(sizes, **sampling, max_steps=40) == {"a": 23, "b": 7, "text": 10}
    assert steps_per_task(sizes, **sampling, max_steps=10_000) == steps_per_task(sizes, **sampling)
    assert steps_per_task({"a": 900}, batch=10, epochs=1, max_steps=7) == {"a": 7}


def test_a_warm_up_longer_than_the_training_is_noted() -> None:
    assert warmup_events(None, 10) == []
    assert warmup_events(9, 10) == []
    assert "10 warmup_steps of 10" in warmup_events(10, 10)[0]
