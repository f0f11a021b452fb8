"""Gains run by run: what an intermediate setting adds to a score, and what is excluded."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import isnan

import numpy as np
import pandas as pd

from xstilts.analysis.exclusions import (
    FAILURES,
    Exclusion,
    ExclusionReason,
    RunExclusion,
    exclusion_texts,
)
from xstilts.analysis.results import expected
from xstilts.analysis.run_states import FAILED, NO_STATES, RunState
from xstilts.config.intermediate import BASELINE
from xstilts.planning.compile import ResultCell

ENGLISH = "en"
COLUMNS = (
    "intermediate", "target", "metric", "language", "seed", "score", "baseline", "gain", "key",
)  # fmt: skip
RUN = ["target", "language", "seed"]
ONE_SEED = (
    "There is one seed: no interval and no p here holds what another seed would change, so a run's "
    "luck counts as an effect."
)


@dataclass(frozen=True)
class Gains:
    """The gains that may be compared, and what is excluded from them.

    Args:
        table: a row per setting, target, language (English included) and seed; see `COLUMNS`.
            `score`, `baseline` and `gain` are of the target's main metric, between 0 and 1;
            `key` is the score's stage.
        exclusions: a setting with one run that cannot be used on a target is excluded there with
            all of its runs: its other seeds would be a choice.
        swept: a sentence for each sweep over layers, naming the layer that is used.
    """

    table: pd.DataFrame
    exclusions: tuple[Exclusion, ...] = ()
    swept: tuple[str, ...] = ()

    def among(self, settings: Collection[str], targets: Collection[str] | None = None) -> Gains:
        """Those of some settings, on some targets or all."""

        def kept(setting: str, target: str) -> bool:
            return setting in settings and (targets is None or target in targets)

        pairs = zip(self.table["intermediate"], self.table["target"], strict=True)
        return Gains(
            self.table.loc[[kept(*pair) for pair in pairs]],
            tuple(one for one in self.exclusions if kept(one.intermediate, one.target)),
            self.swept,
        )

    @property
    def has_one_seed(self) -> bool:
        """Whether all gains are of one seed."""
        return bool(len(self.table)) and self.table["seed"].nunique() == 1

    def caveats(self) -> tuple[str, ...]:
        """One seed, the layers that are used, and what is excluded where and why."""
        one_seed = (ONE_SEED,) if self.has_one_seed else ()
        return (*one_seed, *self.swept, *exclusion_texts(self.exclusions))


def compute_gains(frame: pd.DataFrame, cells: Iterable[ResultCell] = ()) -> Gains:
    """The gain of every run with an intermediate setting over the baseline's run like it.

    Args:
        frame: see `analysis.results.results_frame`; the baseline's rows are among them.
        cells: what the experiment should have: a setting with a score missing is excluded.

    Excluded are settings with a diverged or collapsed run, with the target's own training data,
    or without a score or a baseline for some run; so are all on a target whose baseline failed.
    """
    cells = tuple(cells)
    main = _main(frame)
    paired = _paired(main)
    reasons: dict[tuple[str, str], dict[RunExclusion, None]] = {}
    for pair, reason in (*_unusable(paired), *_missing(paired, cells)):
        reasons.setdefault(pair, {})[reason] = None
    pairs = zip(paired["intermediate"], paired["target"], strict=True)
    kept = [pair not in reasons for pair in pairs]
    table = paired.loc[kept, list(COLUMNS)].reset_index(drop=True)
    without_baseline = _without_baseline(main, cells)
    return Gains(table, tuple(_exclusions(reasons, without_baseline)))


def _exclusions(
    reasons: Mapping[tuple[str, str], Iterable[RunExclusion]], without_baseline: Collection[str]
) -> Iterator[Exclusion]:
    for (setting, target), found in reasons.items():
        same_data = any(one.reason is ExclusionReason.SAME_DATA for one in found)
        failed = target not in without_baseline and not same_data
        yield Exclusion(setting, target, tuple(found), failed)


def _main(frame: pd.DataFrame) -> pd.DataFrame:
    """The scores of each target's main metric."""
    first = frame.groupby("target", sort=False)["metric"].first()
    main = frame[frame["metric"] == frame["target"].map(first)]
    return main.rename(columns={"value": "score"})


def _without_baseline(main: pd.DataFrame, cells: Iterable[ResultCell]) -> frozenset[str]:
    """The targets whose baseline lacks a score, or has one that is not used."""
    wanted = {(cell.target, cell.language, cell.seed) for cell in cells}
    wanted |= set(main[RUN].itertuples(index=False, name=None))
    base = main[(main["intermediate"] == BASELINE) & main["score"].notna()]
    usable = base.loc[[not FAILED & states for states in base["states"]]]
    there = set(usable[RUN].itertuples(index=False, name=None))
    return frozenset(target for target, _, _ in wanted - there)


def _paired(main: pd.DataFrame) -> pd.DataFrame:
    """The main scores of all settings with those of the baseline."""
    is_baseline = main["intermediate"] == BASELINE
    base = main.loc[is_baseline, [*RUN, "score", "states"]]
    base = base.rename(columns={"score": "baseline", "states": "baseline_states"})
    paired = main[~is_baseline].merge(base, on=RUN, how="left")
    states = paired["baseline_states"].map(
        lambda held: held if isinstance(held, frozenset) else NO_STATES  # NaN: no such run
    )
    return paired.assign(baseline_states=states, gain=paired["score"] - paired["baseline"])


def _unusable(paired: pd.DataFrame) -> Iterator[tuple[tuple[str, str], RunExclusion]]:
    """(setting, target) and why a run of it has no gain."""
    columns = ["intermediate", "target", "seed", "score", "gain", "states", "baseline_states"]
    for setting, target, seed, score, gain, states, of_baseline in zip(
        *(paired[column] for column in columns), strict=True
    ):
        failures = [
            RunExclusion(reason, seed)
            for held, side in ((states, 0), (of_baseline, 1))
            for state in FAILURES
            if state in held
            for reason in [FAILURES[state][side]]
        ]
        yield from (((setting, target), failure) for failure in failures)
        if RunState.SAME_DATA in states:
            yield (setting, target), RunExclusion(ExclusionReason.SAME_DATA)
        if not failures and isnan(gain):
            missing = ExclusionReason.NO_SCORE if isnan(score) else ExclusionReason.NO_BASELINE
            yield (setting, target), RunExclusion(missing)


def _missing(
    paired: pd.DataFrame, cells: Iterable[ResultCell]
) -> Iterator[tuple[tuple[str, str], RunExclusion]]:
    """(setting, target) of the cells that are not among the results."""
    same_data = RunExclusion(ExclusionReason.SAME_DATA)
    yield from (((cell.intermediate, cell.target), same_data) for cell in cells if cell.same_data)
    there: dict[tuple[str, str], set[tuple[str, int]]] = {}
    columns = ["intermediate", "target", "language", "seed"]
    for setting, target, language, seed in paired[columns].itertuples(index=False):
        there.setdefault((setting, target), set()).add((language, seed))
    for (_, target, setting), runs in expected(cells).items():
        missing = len(runs - there.get((setting, target), set()))
        if missing and setting != BASELINE:
            reason = ExclusionReason.MISSING_SCORES
            yield (setting, target), RunExclusion(reason, missing=missing, expected=len(runs))


def language_gains(frame: pd.DataFrame) -> pd.DataFrame:
    """Mean over seeds of score and gain for each target, metric, language and setting.

    Columns: target, metric, language, intermediate, value, gain (NaN for the baseline's own
    gain, where the baseline is missing, and where a run diverged).
    """
    keys = ["target", "metric", "language"]
    means = frame.groupby([*keys, "intermediate"], sort=False)["value"].agg(mean_or_nan)
    table = means.reset_index()
    base = table[table["intermediate"] == BASELINE].set_index(keys)["value"]
    against = table.set_index(keys).index.map(base.to_dict()).to_numpy(dtype=np.float64)
    table["gain"] = np.where(
        table["intermediate"] == BASELINE, np.nan, table["value"].to_numpy() - against
    )
    return table


def mean_or_nan(values: pd.Series[float]) -> float:
    """NaN where one value is: the mean of the others would be a choice."""
    return float(values.mean(skipna=False))
