"""Simulated experiments: does the gain table's interval hold, is no gain rarely found?

1,000 experiments of two languages for each kind of noise and number of seeds. Where seeds
are all of the noise or none of it, 95 % intervals must hold in 93 to 98 %; where every seed has
wrong answers of its own, a few seeds cannot tell that from seeds that differ, and the intervals
are wider than they need be.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest

from xstilts.analysis.example_scores import ExampleScores
from xstilts.analysis.gain_table import gain_table
from xstilts.analysis.gains import compute_gains
from xstilts.analysis.results import COLUMNS
from xstilts.analysis.run_states import RunState

SIMULATIONS, EXAMPLES, LANGUAGES = 1_000, 150, ("de", "fi")
NOISE = {"seeds": (0.0, 0.15), "examples": (0.0, 0.0), "own": (1.0, 0.0), "both": (0.3, 0.04)}
"""Fraction of answers redrawn for each seed, and the spread of scores over seeds."""


def _outcomes(generator: np.random.Generator, seeds: int, noise: str) -> Iterator[ExampleScores]:
    own, spread = NOISE[noise]
    ones = np.ones(EXAMPLES)
    for setting in ("none", "x"):
        moved = generator.normal(0, spread, seeds)
        for language in LANGUAGES:
            common = generator.random(EXAMPLES)
            for seed in range(seeds):
                redrawn = generator.random(EXAMPLES) < own
                answers = np.where(redrawn, generator.random(EXAMPLES), common)
                hits = np.stack([(answers < 0.5 + moved[seed]).astype(float), ones], axis=1)
                ids = tuple(f"{language} {number}" for number in range(EXAMPLES))
                yield ExampleScores("e", setting, "t", language, seed, "accuracy", ids, hits)


def _row(outcomes: list[ExampleScores]) -> pd.Series:
    rows = [
        ("e", one.intermediate, "t", one.language, "test", one.seed, "accuracy",
         one.statistics[:, 0].mean(), EXAMPLES, "key", frozenset[RunState]())
        for one in outcomes
    ]  # fmt: skip
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    return gain_table(frame, compute_gains(frame), outcomes, draws=1_000).iloc[0]


@pytest.mark.heavy
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("noise", NOISE)
@pytest.mark.parametrize("seeds", [2, 3, 5])
def test_the_false_positive_rate_of_gains_is_alpha_for_any_noise(seeds: int, noise: str) -> None:
    held = found = 0
    for number in range(SIMULATIONS):
        row = _row(list(_outcomes(np.random.default_rng([number, seeds]), seeds, noise)))
        held += row["low"] <= 0 <= row["high"]
        found += row["p"] < 0.05
    assert found / SIMULATIONS <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / SIMULATIONS), found
    assert held / SIMULATIONS >= 0.93
    if noise in ("seeds", "examples"):
        assert held / SIMULATIONS <= 0.98
