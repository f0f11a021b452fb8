"""What gains the seeds of an experiment can show."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from xstilts.analysis.seed_power import (
    ASSUMED_DEVIATION,
    EFFECT,
    Compared,
    SeedPower,
    deviation_between_seeds,
    power_note,
    seed_power,
)
from xstilts.planning.compile import ResultCell
from xstilts.statistics.power import POWER, mean_power


def cells(seeds: int, settings: int = 3, baseline: str = "none") -> list[ResultCell]:
    names = [baseline, *(f"s{number}" for number in range(settings))]
    return [
        ResultCell("e", name, "t", "de", "test", seed, ("accuracy",), f"{name}{seed}", (), False)
        for name, seed in itertools.product(names, range(seeds))
    ]


def of_gains(
    cells: list[ResultCell], table: pd.DataFrame | None = None, baseline: str = "none"
) -> SeedPower:
    """The power of an experiment with one encoder."""
    (power,) = seed_power(cells, table, baseline)
    assert power.compared is Compared.SETTINGS
    return power


def of_encoder(name: str, cells: list[ResultCell]) -> list[ResultCell]:
    """The same cells of an encoder with this name."""
    return [replace(cell, encoder=name, key=f"{name}{cell.key}") for cell in cells]


def gains(deviation: float, seeds: int = 2000) -> pd.DataFrame:
    """Gains of two settings in two languages, whose means differ so much between seeds."""
    drawn = np.random.default_rng(0).normal(0, deviation, (2, seeds))
    return pd.DataFrame(
        {
            "encoder": "e",
            "intermediate": f"s{setting}",
            "target": "t",
            "language": language,
            "seed": seed,
            "gain": drawn[setting, seed] + (0.3 if language == "de" else -0.1),
        }
        for setting, seed, language in itertools.product(range(2), range(seeds), ("de", "sw"))
    )


def test_more_seeds_and_fewer_tests_find_smaller_gains() -> None:
    few, more, fewer_tests = (
        of_gains(found) for found in (cells(3), cells(6), cells(3, settings=1))
    )
    assert more.detectable < few.detectable
    assert fewer_tests.detectable < few.detectable
    assert (few.tests, few.deviation, few.measured) == (3, ASSUMED_DEVIATION, False)


def test_so_many_seeds_as_are_named_are_needed_and_enough() -> None:
    found = of_gains(cells(2))
    shift = EFFECT / found.deviation
    assert mean_power(shift, found.needed, 0.05 / 3) >= POWER
    assert mean_power(shift, found.needed - 1, 0.05 / 3) < POWER


def test_the_variance_of_finished_runs_replaces_the_assumed_one() -> None:
    found = of_gains(cells(3), gains(0.04))
    assert found.measured
    assert found.deviation == pytest.approx(0.04, rel=0.05)
    assert deviation_between_seeds(gains(0.04)) == pytest.approx(0.04, rel=0.05)


def test_one_seed_of_finished_runs_has_no_variance() -> None:
    found = of_gains(cells(1), gains(0.04, seeds=1))
    assert not found.measured
    assert "one seed" in power_note(found)


def test_gains_in_english_are_not_in_the_deviation_between_seeds() -> None:
    german = gains(0.04).query("language == 'de'")
    opposite = german.assign(language="en", gain=-german["gain"])
    assert deviation_between_seeds(pd.concat([german, opposite])) == pytest.approx(0.04, rel=0.05)
    english_only = german.assign(language="en")
    assert deviation_between_seeds(english_only) == deviation_between_seeds(german)


def test_a_seed_without_all_languages_is_not_in_the_deviation_between_seeds() -> None:
    """The languages' gains differ by 40 points: the mean of one of them would be an outlier."""
    complete = gains(0.04)
    begun = complete.query("language == 'de' and seed < 10").assign(
        seed=lambda rows: -1 - rows.seed
    )
    found = deviation_between_seeds(pd.concat([complete, begun]))
    assert found == deviation_between_seeds(complete)
    german, swahili = (complete.query(f"language == '{code}'") for code in ("de", "sw"))
    different = [german.query("seed < 5"), swahili.query("seed >= 5 and seed < 10")]
    assert np.isnan(deviation_between_seeds(pd.concat(different)))


def test_equal_gains_of_all_seeds_measure_nothing() -> None:
    found = of_gains(cells(3), gains(0.0, seeds=3).assign(gain=[*[0.1 + 0.2] * 2, *[0.3] * 4] * 2))
    assert (found.deviation, found.measured) == (ASSUMED_DEVIATION, False)
    assert found.detectable > 0


def test_gains_beyond_all_scores_are_not_promised() -> None:
    found = of_gains(cells(2, settings=8))
    assert found.detectable > 1
    assert "cannot show" in power_note(found)


def test_a_test_that_is_too_strict_for_two_seeds_is_said() -> None:
    """0.05 / 1,000 with one degree of freedom: no gain, however large, is found with 80 % power."""
    found = of_gains(cells(2, settings=1_000))
    assert np.isnan(found.detectable)
    assert power_note(found).startswith("2 seeds cannot show gains of any size; ")


def test_encoders_are_compared_in_pairs_on_each_target() -> None:
    ranked = [cell for name in "efg" for cell in of_encoder(name, cells(3, settings=0))]
    ranked += [replace(cell, target="u") for cell in ranked]
    (power,) = seed_power(ranked)
    assert (power.compared, power.tests, power.seeds) == (Compared.ENCODERS, 6, 3)
    same_level = of_gains(cells(3, settings=6))
    assert (power.detectable, power.needed) == (same_level.detectable, same_level.needed)
    assert power_note(power).startswith("3 seeds find differences between encoders of ")
    with_gains = seed_power([cell for name in "ef" for cell in of_encoder(name, cells(3))])
    assert [one.tests for one in with_gains] == [6, 1]


def test_seeds_do_not_matter_to_encoders_that_are_not_trained() -> None:
    """As in sentence retrieval without intermediate training: all seeds have one score."""
    ranked = [cell for name in "ef" for cell in of_encoder(name, cells(3, settings=0))]
    assert seed_power([replace(cell, key=f"{cell.encoder}{cell.target}") for cell in ranked]) == ()


def test_one_seed_ranks_no_encoders() -> None:
    (power,) = seed_power([replace(cell, encoder=name) for cell in cells(1, 0) for name in "ef"])
    assert power_note(power).startswith(
        "one seed cannot show that differences between encoders are significant; "
    )
    assert seed_power([]) == ()


def test_nothing_is_said_where_the_seeds_are_enough_or_nothing_is_compared() -> None:
    enough = of_gains(cells(20, settings=1))
    assert power_note(enough) == ""
    assert seed_power(cells(3, settings=0)) == ()
    assert seed_power(cells(3, baseline="other")) == ()


def test_the_baseline_of_the_experiment_is_not_counted() -> None:
    over_other = seed_power(cells(3, baseline="other"), baseline="other")
    assert over_other == seed_power(cells(3))
