"""The additive gain model: planted effects are recovered, and intervals have their coverage."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from scipy import stats

from xstilts.statistics import gain_model as additive
from xstilts.statistics.estimate import Floats
from xstilts.statistics.gain_model import Design, predict

NONE = np.zeros((0, 0))


def grid(tasks: int, targets: int, features: Floats = NONE) -> Design:
    """Every task with every target, target by target."""
    pairs = [(f"task {i}", f"target {j}") for j, i in product(range(targets), range(tasks))]
    some = features if features.size else np.zeros((len(pairs), 0))
    return Design([task for task, _ in pairs], [target for _, target in pairs], some)


def at(tasks: list[int], target: str, features: Floats = NONE) -> Design:
    some = features if features.size else np.zeros((len(tasks), 0))
    return Design([f"task {i}" for i in tasks], [target] * len(tasks), some)


def test_planted_effects_are_recovered_and_ranked_on_an_unseen_target() -> None:
    draw = np.random.default_rng(0)
    task, target = np.array([0.05, -0.02, 0.01, 0.0, 0.03]), draw.normal(0, 0.01, 6)
    gains = (0.02 + task + target[:, None] + draw.normal(0, 0.001, (6, 5))).ravel()
    found = predict(grid(5, 6), gains, at([0, 1, 2, 3, 4], "new"))
    values = np.array([one.value for one in found])
    assert np.argsort(-values).tolist() == np.argsort(-task).tolist()
    assert values - values.mean() == pytest.approx(task - task.mean(), abs=0.002)
    assert [one.n for one in found] == [6] * 5
    assert all(one.low < one.value < one.high for one in found)


def test_known_gains_on_the_target_shift_its_predictions() -> None:
    draw = np.random.default_rng(1)
    target = np.array([0.0, 0.1, -0.1, 0.05])
    gains = (target[:, None] + draw.normal(0, 0.002, (4, 4))).ravel()
    known = grid(4, 4)
    left = [place for place in range(16) if place != 5]  # task 1 on target 1
    some = Design(
        [known.tasks[one] for one in left], [known.targets[one] for one in left], np.zeros((15, 0))
    )
    here, new = predict(
        some, gains[left], Design(["task 1"] * 2, ["target 1", "new"], np.zeros((2, 0)))
    )
    assert here.value == pytest.approx(0.1, abs=0.005)
    assert here.high - here.low < (new.high - new.low) / 5


def test_measures_distinguish_unseen_tasks() -> None:
    draw = np.random.default_rng(2)
    features = draw.normal(size=(8 * 5, 2))
    gains = 0.03 * features[:, 0] + draw.normal(0, 0.002, 40)
    wanted = at([90, 91], "new", np.array([[1.0, 0.0], [-1.0, 0.0]]))
    high, low = predict(grid(8, 5, features), gains, wanted)
    assert (high.value, low.value) == pytest.approx((0.03, -0.03), abs=0.006)
    plain = predict(grid(8, 5), gains, at([90, 91], "new"))
    assert plain[0].value == pytest.approx(plain[1].value)
    assert plain[0].high - plain[0].low > 3 * (high.high - high.low)


def test_predictions_follow_the_student_distribution_for_fixed_variance_ratios(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Against the same posterior written with plain inverses, and a vague prior on the mean."""
    monkeypatch.setattr(additive, "RATIOS", (2.0,))
    monkeypatch.setattr(additive, "NOISE_SHARES", (0.4,))
    draw = np.random.default_rng(3)
    features, gains = draw.normal(size=(12, 1)), draw.normal(size=12)
    noise = draw.uniform(0.1, 5.0, 13)
    known = replace(grid(3, 4, features), noise=noise[:12])
    wanted = replace(at([1], "new", np.array([[0.7]])), noise=noise[12:])
    (found,) = predict(known, gains, wanted)

    tasks, targets = np.array([*known.tasks, "task 1"]), np.array([*known.targets, "new"])
    every = np.concatenate([features, [[0.7]]])
    whole = np.diag(0.6 + 0.4 * noise / noise[:12].mean()) + 2.0 * (
        1.0 * np.equal.outer(tasks, tasks) + np.equal.outer(targets, targets) + every @ every.T
    )
    vague = whole + 1e5
    weight = np.linalg.inv(vague[:12, :12])
    middle = vague[12, :12] @ weight @ gains
    spread = vague[12, 12] - vague[12, :12] @ weight @ vague[:12, 12]
    scale = np.sqrt(gains @ weight @ gains / 11 * spread)
    assert found.value == pytest.approx(middle, abs=1e-3)
    assert (found.low, found.high) == pytest.approx(
        stats.t.interval(0.95, 11, middle, scale), abs=1e-3
    )


@pytest.mark.parametrize("new_task", [False, True])
def test_prediction_intervals_cover_held_out_targets(new_task: bool) -> None:
    """In 95 % of 200 simulations, within three standard errors of the simulation (4.6 points).

    The variances are as different as can be from one simulation to the next.
    """
    draw, held = np.random.default_rng(4), 0
    for _ in range(200):
        of_tasks, of_targets = draw.choice([0.0, 0.5, 1.0, 3.0], 2)
        task = draw.normal(0, of_tasks, 6)
        table = task + draw.normal(0, of_targets, (5, 1)) + draw.normal(0, 1.0, (5, 6))
        asked = 5 if new_task else int(draw.integers(5))
        (found,) = predict(grid(5, 4), table[:4, :5].ravel(), at([asked], "new"))
        held += found.low <= table[4, asked] <= found.high
    assert 0.95 - 0.046 <= held / 200 <= 0.95 + 0.046


def test_too_few_targets_or_tasks_give_a_note_and_no_number() -> None:
    gains = np.arange(6.0)
    (few,) = predict(grid(3, 2), gains, at([0], "new"))
    assert np.isnan([few.value, few.low, few.high]).all()
    assert few.note == "too few targets for a conclusion: 2 of at least 3"
    known, unknown = predict(grid(2, 3), gains, at([0, 7], "new"))
    assert not np.isnan(known.value)
    assert np.isnan(unknown.value)
    assert unknown.note == "too few tasks for a conclusion: 2 of at least 3"
    (none,) = predict(grid(0, 0), np.zeros(0), at([0], "new"))
    assert none.note == "too few targets for a conclusion: 0 of at least 3"


def test_equal_gains_are_handled() -> None:
    (found,) = predict(grid(3, 3), np.full(9, 0.01), at([0], "new"))
    assert found.value == pytest.approx(0.01)
    assert found.low <= found.high


def test_inconsistent_shapes_are_rejected() -> None:
    with pytest.raises(ValueError, match="one row for each gain"):
        Design(["a"], ["b", "c"], np.zeros((1, 0)))
    with pytest.raises(ValueError, match="one row for each gain"):
        Design(["a"], ["b"], np.zeros((1, 0)), np.ones(2))
    with pytest.raises(ValueError, match="one number"):
        predict(grid(2, 3), np.zeros(5), at([0], "new"))
    with pytest.raises(ValueError, match="not NaN"):
        predict(grid(1, 3), np.array([1, 2, np.nan]), at([0], "new"))
