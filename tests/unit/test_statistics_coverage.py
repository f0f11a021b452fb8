"""Simulated studies with planted effects: do intervals hold what they say, is nothing found?

The fast form has 80 simulations and a tolerance to match; `heavy` has 1,000, where intervals of
95 % must hold in 93 to 97 % of them, and an effect of zero must not be found more often than
alpha, but for the noise of the simulation (three standard errors). Discrete tests may find less.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from xstilts.statistics.association import associate, partial
from xstilts.statistics.bootstrap import paired
from xstilts.statistics.curves import fit
from xstilts.statistics.estimate import Estimate
from xstilts.statistics.groups import contrast, interaction
from xstilts.statistics.hierarchical import over_languages_and_seeds
from xstilts.statistics.mcnemar import mcnemar

Study = Callable[[np.random.Generator, float], Estimate]


def _answers(generator: np.random.Generator, effect: float, n: int) -> np.ndarray:
    """[2, n] right or wrong; examples differ in how hard they are, alike for both systems."""
    ease = 0.1 * np.tanh(generator.normal(size=n))
    halves = np.array([[effect / 2], [-effect / 2]])
    return generator.random((2, n)) < 0.5 + halves + ease


def examples(generator: np.random.Generator, effect: float) -> Estimate:
    return paired(*_answers(generator, effect, 300), draws=400, seed=int(generator.integers(2**31)))


def mcnemars(generator: np.random.Generator, effect: float) -> Estimate:
    return mcnemar(*_answers(generator, effect, 150)).difference


def _gains(generator: np.random.Generator, effect: float, language: float) -> np.ndarray:
    """[8 languages, 3 seeds]"""
    places = generator.normal(0, language, (8, 1))
    seeds = generator.normal(0, 0.01, (1, 3))
    return effect + places + seeds + generator.normal(0, 0.01, (8, 3))


def languages_and_seeds(generator: np.random.Generator, effect: float) -> Estimate:
    return over_languages_and_seeds(_gains(generator, effect, 0.03))


def seeds_alone(generator: np.random.Generator, effect: float) -> Estimate:
    return over_languages_and_seeds(_gains(generator, effect, 0), fixed_languages=True)


def _normal(generator: np.random.Generator, effect: float, n: int) -> np.ndarray:
    x, noise = generator.standard_normal((2, n))
    return np.stack([x, effect * x + math.sqrt(1 - effect**2) * noise])


def spearmans(generator: np.random.Generator, effect: float) -> Estimate:
    """`effect` is rho of the whole population, which has Pearson's correlation below."""
    return associate(*_normal(generator, 2 * math.sin(math.pi * effect / 6), 14), draws=399)


def kendalls(generator: np.random.Generator, effect: float) -> Estimate:
    points = _normal(generator, math.sin(math.pi * effect / 2), 14)
    return associate(*points, "kendall", draws=399)


def partials(generator: np.random.Generator, effect: float) -> Estimate:
    """The covariate is independent, so that the truth is known."""
    x, y = _normal(generator, 2 * math.sin(math.pi * effect / 6), 20)
    return partial(x, y, {"size": generator.standard_normal(20)}, draws=399)


def _grid(generator: np.random.Generator, effect: float, only: float = 0.0) -> pd.DataFrame:
    """9 tasks, of which 4 help more by `effect`, and by `only` more on one of two targets."""
    tasks, targets, languages, seeds = np.indices((9, 2, 3, 2)).reshape(4, -1)
    noise = generator.normal(0, 0.02, 9)[tasks] + generator.normal(0, 0.01, (9, 2))[tasks, targets]
    noise += generator.normal(0, 0.02, (2, 3))[targets, languages]
    noise += generator.normal(0, 0.01, 2)[seeds] + generator.normal(0, 0.01, len(tasks))
    gain = noise + (tasks < 4) * (effect + only * (targets == 0))
    columns = {"task": tasks, "target": targets, "language": languages, "seed": seeds}
    table = pd.DataFrame({name: [f"{one}" for one in found] for name, found in columns.items()})
    return table.assign(gain=gain)


def groups(generator: np.random.Generator, effect: float) -> Estimate:
    return contrast(_grid(generator, effect), "0123", model=False).tasks


def interactions(generator: np.random.Generator, effect: float) -> Estimate:
    return interaction(_grid(generator, 0.02, effect), "0123", ["0"], model=False).tasks


def mixed(generator: np.random.Generator, effect: float) -> Estimate:
    return contrast(_grid(generator, effect), "0123").mixed


def mixed_interactions(generator: np.random.Generator, effect: float) -> Estimate:
    return interaction(_grid(generator, 0.02, effect), "0123", ["0"]).mixed


def doublings(generator: np.random.Generator, effect: float) -> Estimate:
    """The gain of the last doubling of a curve whose last doubling gains `effect`."""
    sizes = np.repeat([1.0, 2, 4, 8, 16], 4)
    drop = effect / (8**-0.5 - 16**-0.5)
    scores = 0.7 - drop * sizes**-0.5 + generator.normal(0, 0.01, len(sizes))
    return fit(sizes, scores, draws=200, seed=int(generator.integers(2**31))).per_doubling(8)


PLANTED: dict[str, tuple[Study, float]] = {
    "examples": (examples, 0.1),
    "mcnemar": (mcnemars, 0.1),
    "languages and seeds": (languages_and_seeds, 0.03),
    "seeds": (seeds_alone, 0.03),
    "spearman": (spearmans, 0.6),
    "kendall": (kendalls, 0.5),
    "partial": (partials, 0.5),
    "groups": (groups, 0.04),
    "interaction": (interactions, 0.04),
    "doublings": (doublings, 0.02),
}
MIXED: dict[str, tuple[Study, float]] = {
    "mixed": (mixed, 0.04),
    "mixed interaction": (mixed_interactions, 0.04),
}
SIMULATIONS = 80
TESTED = [name for name in PLANTED if name != "doublings"]


def shares(study: Study, effect: float, simulations: int) -> tuple[float, float]:
    """How often the interval held the effect, and how often an effect was found."""
    held = found = 0
    for number in range(simulations):
        one = study(np.random.default_rng([number, 7]), effect)
        held += one.low <= effect <= one.high
        found += one.found
    return held / simulations, found / simulations


def tolerance(simulations: int) -> float:
    return 3 * math.sqrt(0.05 * 0.95 / simulations)


@pytest.mark.parametrize("name", PLANTED)
def test_intervals_hold_what_they_say(name: str) -> None:
    held, _ = shares(*PLANTED[name], SIMULATIONS)
    assert abs(held - 0.95) <= tolerance(SIMULATIONS), held


@pytest.mark.parametrize("name", TESTED)
def test_nothing_is_rarely_found(name: str) -> None:
    _, found = shares(PLANTED[name][0], 0.0, SIMULATIONS)
    assert found <= 0.05 + tolerance(SIMULATIONS), found


def test_what_is_there_is_found() -> None:
    for name in ("examples", "seeds", "languages and seeds", "groups"):
        _, found = shares(*PLANTED[name], 60)
        assert found > 0.3, name


def test_the_test_sees_too_narrow_an_interval() -> None:
    """Scores taken as independent, languages and seeds forgotten: a common mistake."""

    def naive(generator: np.random.Generator, effect: float) -> Estimate:
        gains = _gains(generator, effect, 0.03).ravel()
        interval = stats.ttest_1samp(gains, 0).confidence_interval()
        p = stats.ttest_1samp(gains, 0).pvalue
        return Estimate(gains.mean(), interval.low, interval.high, p)

    held, _ = shares(naive, 0.03, SIMULATIONS)
    assert held < 0.95 - tolerance(SIMULATIONS)
    _, found = shares(naive, 0.0, SIMULATIONS)
    assert found > 0.05 + tolerance(SIMULATIONS)


@pytest.mark.heavy
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", [*PLANTED, *MIXED])
def test_intervals_hold_in_93_to_97_of_a_hundred(name: str) -> None:
    held, _ = shares(*{**PLANTED, **MIXED}[name], 1000)
    assert 0.93 <= held <= 0.97, held


@pytest.mark.heavy
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", [*TESTED, *MIXED])
def test_nothing_is_found_at_alpha(name: str) -> None:
    _, found = shares({**PLANTED, **MIXED}[name][0], 0.0, 1000)
    assert found <= 0.05 + tolerance(1000), found
