"""What gains the seeds of an experiment can show, before it runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan, sqrt
from typing import TYPE_CHECKING

from xstilts.config.intermediate import NO_INTERMEDIATE
from xstilts.planning.compile import ResultCell
from xstilts.statistics.estimate import LEVEL, NAN
from xstilts.statistics.power import POWER, detectable_mean, mean_power

if TYPE_CHECKING:
    import pandas as pd

EFFECT = 0.02
"""The gain that one would care about. The published gain on XTREME is 2.6 points (Ruder et al.
2021, arXiv 2104.07412, table 16: STILTs with the best setting per target against XLM-R)."""
ASSUMED_DEVIATION = 0.015
"""Standard deviation of a gain between seeds, before a store has measured it. An assumption: no
published value was found; gains on small targets often vary more."""
MOST_SEEDS = 30
NO_DEVIATION = 1e-9
"""What rounding leaves where all seeds have the same gain: nothing is known of other seeds."""


@dataclass(frozen=True)
class SeedPower:
    """The gains that a number of seeds can show, between 0 and 1.

    Args:
        seeds: of the experiment.
        tests: gains that Holm's correction counts.
        deviation: standard deviation of a gain between seeds.
        measured: whether `deviation` is that of gains in the store.
        detectable: smallest gain that the strictest of the corrected tests finds with a
            probability of `POWER`; NaN with one seed, and if no gain is.
        needed: seeds for a gain of `EFFECT`; 0 if more than `MOST_SEEDS`.
    """

    seeds: int
    tests: int
    deviation: float
    measured: bool
    detectable: float
    needed: int

    @property
    def resolves(self) -> bool:
        """Whether a gain of `EFFECT` would be found."""
        return self.detectable <= EFFECT


def seed_power(
    cells: Sequence[ResultCell],
    gains: pd.DataFrame | None = None,
    baseline: str = NO_INTERMEDIATE,
) -> SeedPower | None:
    """The power of an experiment; None if it has no gains.

    Examples count as known exactly, so that the smallest gain is a lower bound.

    Args:
        gains: `Gains.table` of what is finished; none if nothing is.
        baseline: the setting that gains are over.
    """
    tested = {(cell.encoder, cell.target, cell.intermediate) for cell in cells}
    count = sum(setting != baseline for *_, setting in tested)
    if not count or baseline not in {setting for *_, setting in tested}:
        return None
    seen = NAN if gains is None else deviation_between_seeds(gains)
    deviation, level = ASSUMED_DEVIATION if isnan(seen) else seen, LEVEL / count
    seeds = len({cell.seed for cell in cells})
    return SeedPower(
        seeds,
        count,
        deviation,
        measured=not isnan(seen),
        detectable=detectable_mean(deviation, seeds, level=level),
        needed=_seeds_needed(deviation, level),
    )


def deviation_between_seeds(gains: pd.DataFrame) -> float:
    """Standard deviation between seeds of the gains that are tested, pooled over all settings.

    These are means over `transfer_runs`. NaN without a setting that has two seeds or more, and
    where all seeds have the same gain.

    Args:
        gains: see `Gains.table`.
    """
    from xstilts.analysis.gains import transfer_runs  # pandas: planning does not load it

    keys = ["encoder", "intermediate", "target"]
    means = transfer_runs(gains).groupby([*keys, "seed"])["gain"].mean()
    groups = means.groupby(level=keys)
    freedom = groups.size() - 1
    if not freedom.sum():
        return NAN
    found = sqrt(float((groups.var().fillna(0.0) * freedom).sum() / freedom.sum()))
    return found if found > NO_DEVIATION else NAN


def power_note(power: SeedPower) -> str:
    """What the seeds cannot show, as a sentence; empty if they resolve a gain of `EFFECT`."""
    if power.resolves:
        return ""
    source = "measured in this store" if power.measured else "assumed"
    basis = (
        f"{POWER:.0%} power, {power.tests} gains tested, standard deviation between seeds "
        f"{100 * power.deviation:.1f} points, {source}"
    )
    more = (
        f"{power.needed} seeds would find {100 * EFFECT:g} points"
        if power.needed
        else f"more than {MOST_SEEDS} seeds are needed for {100 * EFFECT:g} points"
    )
    if power.seeds == 1:
        return f"one seed cannot show that a gain is significant; {more} ({basis})"
    found = (
        "cannot show a gain of any size"
        if not power.detectable < 1.0  # NaN: a test so strict that no gain has this power
        else f"find gains of {100 * power.detectable:.1f} points or more"
    )
    return f"{power.seeds} seeds {found}; {more}, fewer settings and targets need fewer ({basis})"


def ranking_note(cells: Sequence[ResultCell]) -> str:
    """What one seed cannot show of several encoders, as a sentence; else empty."""
    encoders, seeds = ({getattr(cell, name) for cell in cells} for name in ("encoder", "seed"))
    if len(encoders) < 2 or len(seeds) != 1:
        return ""
    return "one seed cannot show that an encoder is better than another (give several `seeds`)"


def _seeds_needed(deviation: float, level: float) -> int:
    """The smallest number of seeds that find a gain of `EFFECT`; 0 if there is none."""
    counts = range(2, MOST_SEEDS + 1)
    return next((n for n in counts if mean_power(EFFECT / deviation, n, level) >= POWER), 0)
