"""What the seeds of an experiment can show of gains and of encoders, before it runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import comb, isnan, sqrt
from typing import TYPE_CHECKING

from xstilts.config.intermediate import NO_INTERMEDIATE
from xstilts.core.counted import counted
from xstilts.planning.compile import ResultCell
from xstilts.statistics.estimate import LEVEL, NAN
from xstilts.statistics.power import POWER, detectable_mean, mean_power

if TYPE_CHECKING:
    import pandas as pd

EFFECT = 0.02
"""The gain that one would care about. STILTs with the best setting per target gain 2.6 points over
XLM-R on XTREME's seven trained tasks (from Chung et al. 2021, arXiv 2010.12821, table 16)."""
ASSUMED_DEVIATION = 0.015
"""Standard deviation of a gain between seeds, before a store has measured it. An assumption: no
published value was found; gains on small targets often vary more."""
MOST_SEEDS = 30
NO_DEVIATION = 1e-9
"""What rounding leaves where all seeds have the same gain: nothing is known of other seeds."""


class Compared(StrEnum):
    """What an experiment tests."""

    SETTINGS = "gain"
    ENCODERS = "difference between encoders"

    @property
    def plural(self) -> str:
        """Several of them."""
        return "gains" if self is Compared.SETTINGS else "differences between encoders"

    @property
    def varied(self) -> str:
        """What has fewer tests if there are fewer of it."""
        return "settings" if self is Compared.SETTINGS else "encoders"


@dataclass(frozen=True)
class SeedPower:
    """The differences that a number of seeds can show, between 0 and 1.

    Args:
        compared: what the differences are.
        seeds: of the experiment.
        tests: differences that Holm's correction counts.
        deviation: standard deviation of a difference between seeds.
        measured: whether `deviation` is that of gains in the store.
        detectable: smallest difference that the strictest of the corrected tests finds with a
            probability of `POWER`; NaN with one seed, and if no difference is.
        needed: seeds for a difference of `EFFECT`; 0 if more than `MOST_SEEDS`.
    """

    compared: Compared
    seeds: int
    tests: int
    deviation: float
    measured: bool
    detectable: float
    needed: int

    @property
    def resolves(self) -> bool:
        """Whether a difference of `EFFECT` would be found."""
        return self.detectable <= EFFECT


def seed_power(
    cells: Sequence[ResultCell],
    gains: pd.DataFrame | None = None,
    baseline: str = NO_INTERMEDIATE,
) -> tuple[SeedPower, ...]:
    """The power for gains and for the ranking of encoders, each if the experiment has them.

    Examples count as known exactly, so that the smallest difference is a lower bound. Two encoders
    with one seed are two trainings, as a setting and its baseline are; their difference is
    therefore expected to vary as much as a gain.

    Args:
        gains: `Gains.table_so_far`; none if nothing is finished.
        baseline: the setting that gains are over.
    """
    seen = NAN if gains is None else deviation_between_seeds(gains)
    deviation = ASSUMED_DEVIATION if isnan(seen) else seen
    seeds = len({cell.seed for cell in cells})
    return tuple(
        SeedPower(
            compared,
            seeds,
            tests,
            deviation,
            measured=not isnan(seen),
            detectable=detectable_mean(deviation, seeds, level=LEVEL / tests),
            needed=_seeds_needed(deviation, LEVEL / tests),
        )
        for compared, tests in _tests(cells, baseline).items()
        if tests
    )


def _tests(cells: Sequence[ResultCell], baseline: str) -> dict[Compared, int]:
    """Number of tests that Holm's correction counts; for encoders, in the ranking of a setting.

    Encoders that are not trained have the same scores with every seed: nothing is counted then.
    """
    tested = {(cell.encoder, cell.target, cell.intermediate) for cell in cells}
    settings = {setting for *_, setting in tested}
    gains = sum(setting != baseline for *_, setting in tested) if baseline in settings else 0
    encoders, targets = ({cell[place] for cell in tested} for place in (0, 1))
    pairs = comb(len(encoders), 2) * len(targets)
    return {
        Compared.SETTINGS: gains,
        Compared.ENCODERS: pairs if _depends_on_seeds(cells) else 0,
    }


def _depends_on_seeds(cells: Sequence[ResultCell]) -> bool:
    """Whether a score is computed for each seed, or there is only one seed."""
    runs = {(cell.encoder, cell.target, cell.intermediate, cell.language) for cell in cells}
    several = len({cell.seed for cell in cells}) > 1
    return not several or len({cell.key for cell in cells}) > len(runs)


def deviation_between_seeds(gains: pd.DataFrame) -> float:
    """Standard deviation between seeds of the gains that are tested, pooled over all settings.

    These are means over `transfer_runs`; a seed counts if it has all languages that other seeds of
    its setting have. NaN without a setting that has two seeds or more, and where all seeds have
    the same gain.

    Args:
        gains: see `Gains.table_so_far`.
    """
    from xstilts.analysis.gains import transfer_runs  # pandas: planning does not load it

    keys = ["encoder", "intermediate", "target"]
    runs = transfer_runs(gains)
    means = runs.groupby([*keys, "seed"]).agg(gain=("gain", "mean"), languages=("gain", "size"))
    every = runs.groupby(keys)["language"].nunique().rename("every")
    means = means.join(every)
    groups = means.loc[means["languages"] == means["every"], "gain"].groupby(level=keys)
    freedom = groups.size() - 1
    if not freedom.sum():
        return NAN
    found = sqrt(float((groups.var().fillna(0.0) * freedom).sum() / freedom.sum()))
    return found if found > NO_DEVIATION else NAN


def power_note(power: SeedPower) -> str:
    """What the seeds cannot show, as a sentence; empty if they resolve a difference of `EFFECT`."""
    if power.resolves:
        return ""
    source = "measured in this store" if power.measured else "assumed"
    several = power.compared.plural
    basis = (
        f"{POWER:.0%} power, {counted(power.tests, power.compared, several)} tested, standard "
        f"deviation between seeds {100 * power.deviation:.1f} points, {source}"
    )
    more = (
        f"{power.needed} seeds would find {100 * EFFECT:g} points"
        if power.needed
        else f"more than {MOST_SEEDS} seeds are needed for {100 * EFFECT:g} points"
    )
    if power.seeds == 1:
        return f"one seed cannot show that {several} are significant; {more} ({basis})"
    found = (
        f"cannot show {several} of any size"
        if not power.detectable < 1.0  # NaN: a test so strict that no difference has this power
        else f"find {several} of {100 * power.detectable:.1f} points or more"
    )
    fewer = f"fewer {power.compared.varied} and targets need fewer"
    return f"{power.seeds} seeds {found}; {more}, {fewer} ({basis})"


def _seeds_needed(deviation: float, level: float) -> int:
    """The smallest number of seeds that find a difference of `EFFECT`; 0 if there is none."""
    counts = range(2, MOST_SEEDS + 1)
    return next((n for n in counts if mean_power(EFFECT / deviation, n, level) >= POWER), 0)
