"""Sampling variances of known gains from their seeds, and predictions that allow for them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from xstilts.analysis.gains import mean_gains
from xstilts.core.errors import DataError
from xstilts.recommend.gain_noise import PRIOR, sampling_variances, variance_of_new_gain
from xstilts.recommend.predict_gains import GAINS, KnownGains, recommend
from xstilts.statistics.gain_model import Design, predict

MEASURES = pd.DataFrame(columns=["measure", "task", "other", "language", "seed", "value"])
NOISE = ["seeds", "seed_variance"]
NONE = np.zeros((45, 0))


def seeds(*rows: tuple[str, float, float]) -> pd.DataFrame:
    """Target, seeds and variance between them of each gain."""
    return pd.DataFrame(rows, columns=["target", *NOISE])


def test_the_variance_between_seeds_is_that_of_means_over_languages() -> None:
    columns = ["language", "seed", "score", "gain"]
    rows = [("de", 0, 0.5, 0.1), ("sw", 0, 0.5, 0.3), ("de", 1, 0.5, 0.5), ("sw", 1, 0.5, 0.1)]
    runs = pd.DataFrame(rows, columns=columns).assign(encoder="e", intermediate="a", target="t")
    (found,) = mean_gains(runs).to_dict("records")
    assert found["seeds"] == 2
    assert found["seed_variance"] == pytest.approx(np.var([0.2, 0.3], ddof=1))
    (one,) = mean_gains(runs[runs["seed"] == 0]).to_dict("records")
    assert one["seeds"] == 1
    assert np.isnan(one["seed_variance"])


def test_variances_are_pooled_over_a_target_and_divided_by_the_seeds() -> None:
    found = sampling_variances(seeds(("a", 2, 4.0), ("a", 3, 1.0), ("b", 5, 0.5)))
    mean = (4.0 + 2 * 1.0 + 4 * 0.5) / 7
    of_a, of_b = (PRIOR * mean + 6.0) / (PRIOR + 3), (PRIOR * mean + 2.0) / (PRIOR + 4)
    assert found.tolist() == pytest.approx([of_a / 2, of_a / 3, of_b / 5])
    assert variance_of_new_gain(found, [True, True, False]) == pytest.approx(found[:2].mean())
    assert variance_of_new_gain(found, [False] * 3) == pytest.approx(found.mean())
    assert variance_of_new_gain(found[:0], []) == 1


def test_an_unknown_variance_is_that_of_the_target_or_of_all_targets() -> None:
    rows = ("a", 3, 2.0), ("a", 1, np.nan), ("b", 1, np.nan), ("b", np.nan, np.nan)
    assert sampling_variances(seeds(*rows)).tolist() == pytest.approx([2 / 3, 2, 2, 2])


@pytest.mark.parametrize(
    ("column", "value"),
    [
        *(("seeds", value) for value in ("3 seeds", 0, -1, np.inf)),
        *(("seed_variance", value) for value in (-0.1, np.inf, "high")),
        *(("target", value) for value in (None, np.nan, " ")),
    ],
)
def test_impossible_noise_is_refused_with_row_and_column(column: str, value: object) -> None:
    rows = [("e", "a", f"t{n}", 0.5, 0.1, 2, 0.01) for n in range(3)]
    known = pd.DataFrame(rows, columns=[*GAINS, *NOISE]).astype(object)
    KnownGains(known, MEASURES)
    KnownGains(known.assign(**dict.fromkeys(NOISE)), MEASURES)
    known.loc[1, column] = value
    with pytest.raises(DataError, match=f"row 1, column {column}"):
        KnownGains(known, MEASURES)


def test_without_seeds_that_differ_all_gains_are_equally_noisy() -> None:
    one, equal = seeds(("a", 1, np.nan), ("b", 1, np.nan)), seeds(("a", 3, 0.0), ("b", 2, 1e-34))
    for gains in (one, equal, one.drop(columns=NOISE)):
        assert sampling_variances(gains).tolist() == [1, 1]
    assert sampling_variances(seeds()).size == 0


def test_intervals_cover_gains_on_a_noisy_target_only_if_its_noise_counts() -> None:
    """Shares of 60 simulations of three gains; docs/guide/recommend.md has those of 400.

    Three seeds of eight tasks on six targets; on t0 they vary seven times as much as elsewhere.
    """
    draw, inside = np.random.default_rng(0), np.zeros((60, 2, 3))
    deviation = np.array([0.07, 0.01, 0.01, 0.01, 0.01, 0.01])[:, None]
    pairs = [(task, target) for task in range(8) for target in range(6) if task < 5 or target]
    tasks, targets = (np.array(names) for names in zip(*pairs, strict=True))
    known = Design([str(task) for task, _ in pairs], [str(target) for _, target in pairs], NONE)
    asked = Design(["5", "6", "7"], ["0"] * 3, NONE[:3])
    for row in inside:
        true = draw.normal(0, 0.02, (8, 1)) + draw.normal(0, 0.02, 6) + draw.normal(0, 0.01, (8, 6))
        runs = true[..., None] + draw.normal(0, deviation, (8, 6, 3))
        gains, between = runs.mean(axis=2), runs.var(axis=2, ddof=1)
        some = pd.DataFrame(
            {"target": targets, "seeds": 3, "seed_variance": between[tasks, targets]}
        )
        noise = sampling_variances(some)
        of_new = np.full(3, variance_of_new_gain(noise, (targets == 0).tolist()))
        noisy = replace(known, noise=noise), replace(asked, noise=of_new)
        for place, (measured, query) in enumerate((noisy, (known, asked))):
            found = predict(measured, gains[tasks, targets], query)
            low, high = np.array([(one.low, one.high) for one in found]).T
            row[place] = (low <= gains[5:, 0]) & (gains[5:, 0] <= high)
    by_seeds, equal = inside.mean(axis=(0, 2))
    assert 0.95 - 0.084 <= by_seeds < 1  # three standard errors of 60 simulations
    assert equal < 0.75


def test_noisy_gains_weigh_less_and_have_wider_intervals() -> None:
    """On t3, where the seeds differ, b is better than a; on the other targets it is worse."""
    table = [("a", [0.03, 0.031, 0.029, -0.05]), ("b", [0.0, 0.001, -0.001, 0.05])]
    rows = [
        ("e", task, f"t{place}", 0.5, gain, 2, 0.01 if place == 3 else 1e-6)
        for task, gains in (*table, ("c", [0.01, 0.012, 0.008, 0.0]))
        for place, gain in enumerate(gains)
    ]
    gains = pd.DataFrame(rows, columns=[*GAINS, *NOISE])
    exact = gains.drop(columns=NOISE)
    for some, best in ((gains, "a"), (exact, "b")):
        found = recommend(["a", "b"], "new", "e", KnownGains(some, MEASURES))
        assert found.loc[0, "candidate"] == best
    wide, narrow = (
        recommend(["new"], target, "e", KnownGains(gains, MEASURES)).iloc[0]
        for target in ("t3", "t0")
    )
    assert wide["high"] - wide["low"] > 1.4 * (narrow["high"] - narrow["low"])


def test_equally_noisy_gains_are_predicted_as_exact_ones() -> None:
    draw = np.random.default_rng(1)
    rows = [("e", f"s{i}", f"t{j}", 0.5, draw.normal(0, 0.02)) for i in range(4) for j in range(4)]
    exact = pd.DataFrame(rows, columns=list(GAINS))
    plain, noisy = (
        recommend(["s0", "s9"], "t0", "e", KnownGains(some, MEASURES))
        for some in (exact, exact.assign(seeds=3, seed_variance=0.01))
    )
    pd.testing.assert_frame_equal(plain, noisy, check_exact=True)
