"""Gains run by run: what an intermediate setting adds to a score.

A gain is the score after an intermediate setting minus the score of the baseline, for the same
target, language and seed. This is the only module that pairs the two; `exclusions` holds the rules
by which some are left out.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from functools import cached_property

import pandas as pd

from xstilts.analysis.exclusions import Exclusion, Key, exclusion_texts, find_exclusions
from xstilts.analysis.mixed_runs import MixedRuns, caveats_of, restricted
from xstilts.analysis.run_states import NO_STATES
from xstilts.config.intermediate import NO_INTERMEDIATE
from xstilts.planning.compile import ResultCell

ENGLISH = "en"
KEY = ["encoder", "intermediate", "target"]
RUN = ["encoder", "target", "language", "seed"]
COLUMNS = (
    *KEY, "metric", "language", "seed", "score", "baseline", "gain", "key",
)  # fmt: skip
ONE_SEED = "Single seed: intervals and p values ignore seed variance."


@dataclass(frozen=True)
class Gains:
    """The gains of an experiment's runs, by the main metric of each target.

    Args:
        runs: a row per run that has a gain, see `COLUMNS`: all languages (English included) and
            seeds. `score`, `baseline` and `gain` are between 0 and 1; `key` is the score's stage.
        exclusions: the settings that are not compared with others on a target, and why.
        swept: a sentence for each sweep over layers, naming the layer that is used.
        english_only: the targets that are evaluated in English alone.
        baseline: the setting that the gains are over.
        mixed: those whose runs were computed differently, if this is known; it changes no gain.
    """

    runs: pd.DataFrame
    exclusions: tuple[Exclusion, ...] = ()
    swept: tuple[str, ...] = ()
    english_only: frozenset[str] = frozenset()
    baseline: str = NO_INTERMEDIATE
    mixed: tuple[MixedRuns, ...] = ()

    @cached_property
    def table(self) -> pd.DataFrame:
        """The runs whose gains may be compared: those of no exclusion."""
        return without(self.runs, self.by_key).reset_index(drop=True)

    @cached_property
    def table_so_far(self) -> pd.DataFrame:
        """The same with the runs of settings and baselines of which others are still missing."""
        left_out = (one.key for one in self.exclusions if not one.is_only_partial)
        return without(self.runs, left_out).reset_index(drop=True)

    @cached_property
    def by_key(self) -> dict[Key, Exclusion]:
        """Encoder, setting and target → why it is excluded."""
        return {one.key: one for one in self.exclusions}

    def among(self, settings: Collection[str], targets: Collection[str] | None = None) -> Gains:
        """Those of some settings, on some targets or all."""

        def kept(setting: str, target: str) -> bool:
            return setting in settings and (targets is None or target in targets)

        pairs = zip(self.runs["intermediate"], self.runs["target"], strict=True)
        return replace(
            self,
            runs=self.runs.loc[[kept(*pair) for pair in pairs]],
            exclusions=tuple(one for one in self.exclusions if kept(one.intermediate, one.target)),
            mixed=restricted(self.mixed, lambda _, *pair: kept(*pair)),
        )

    def of_encoder(self, encoder: str) -> Gains:
        """Those of one encoder."""
        return replace(
            self,
            runs=self.runs[self.runs["encoder"] == encoder],
            exclusions=tuple(one for one in self.exclusions if one.encoder == encoder),
            mixed=restricted(self.mixed, lambda name, *_: name == encoder),
        )

    @property
    def has_one_seed(self) -> bool:
        """Whether all gains that may be compared are of one seed."""
        return bool(len(self.table)) and self.table["seed"].nunique() == 1

    def caveats(self) -> tuple[str, ...]:
        """One seed, the layers that are used, what is excluded and why, and mixed runs."""
        one_seed = (ONE_SEED,) if self.has_one_seed else ()
        excluded = exclusion_texts(self.exclusions)
        return (*one_seed, *self.swept, *excluded, *caveats_of(self.mixed))


def compute_gains(
    frame: pd.DataFrame, cells: Iterable[ResultCell] = (), baseline: str = NO_INTERMEDIATE
) -> Gains:
    """The gain of every run of another setting over the baseline's run like it.

    Args:
        frame: see `results.results_frame`; the baseline's rows are among them.
        cells: what the experiment should have: by them missing scores are noticed.
        baseline: see `config.experiment.Experiment.baseline`.
    """
    cells = tuple(cells)
    used = frame.drop(columns=["split", "n"], errors="ignore")  # copied for every run otherwise
    main = used[used["metric"] == main_metrics(frame)]
    paired = paired_runs(main, baseline)
    exclusions = find_exclusions(main, paired, cells, baseline)
    runs = without(paired, (one.key for one in exclusions if not one.has_gain))
    runs = runs.loc[runs["gain"].notna(), list(COLUMNS)].reset_index(drop=True)
    english_only = _english_only(frame, cells)
    return Gains(runs, exclusions, english_only=english_only, baseline=baseline)


def _english_only(frame: pd.DataFrame, cells: Iterable[ResultCell]) -> frozenset[str]:
    """The targets without another language, by the cells where they are known."""
    languages: dict[str, set[str]] = {}
    of_results = frame[["target", "language"]].itertuples(index=False, name=None)
    for target, code in (*of_results, *((cell.target, cell.language) for cell in cells)):
        languages.setdefault(str(target), set()).add(code)
    return frozenset(target for target, codes in languages.items() if codes == {ENGLISH})


def main_metrics(frame: pd.DataFrame) -> pd.Series[str]:
    """For each row of results, the main metric of its target: the first that is there."""
    return frame.groupby(["encoder", "target"], sort=False)["metric"].transform("first")


def paired_runs(main: pd.DataFrame, baseline: str = NO_INTERMEDIATE) -> pd.DataFrame:
    """The main scores of the other settings with those of the baseline; NaN where there is none."""
    main = main.rename(columns={"value": "score"})
    is_baseline = main["intermediate"] == baseline
    base = main.loc[is_baseline, [*RUN, "score", "states"]]
    base = base.rename(columns={"score": "baseline", "states": "baseline_states"})
    paired = main[~is_baseline].merge(base, on=RUN, how="left")
    states = paired["baseline_states"].map(
        lambda held: held if isinstance(held, frozenset) else NO_STATES  # NaN: no such run
    )
    return paired.assign(
        has_baseline=paired["baseline_states"].notna(),
        baseline_states=states,
        gain=paired["score"] - paired["baseline"],
    )


def without(runs: pd.DataFrame, keys: Iterable[Key]) -> pd.DataFrame:
    """The runs but those of some settings and targets."""
    left_out = set(keys)
    columns = (runs[name] for name in KEY)
    return runs.loc[[key not in left_out for key in zip(*columns, strict=True)]]


def transfer_runs(runs: pd.DataFrame) -> pd.DataFrame:
    """The runs in languages other than English; in English for a target tested in no other."""
    foreign = runs["language"] != ENGLISH
    has_foreign = runs["target"].isin(runs.loc[foreign, "target"])
    return runs[foreign | ~has_foreign]


def mean_gains(runs: pd.DataFrame) -> pd.DataFrame:
    """One score and gain for each encoder, setting and target: means over `transfer_runs`.

    Also the number of seeds, and the variance between the seeds' gains; NaN with one seed.
    """
    used = transfer_runs(runs)
    means = used.groupby(KEY, sort=False)[["score", "gain"]].mean()
    by_seed = used.groupby([*KEY, "seed"])["gain"].mean().groupby(level=KEY)
    return means.assign(seeds=by_seed.size(), seed_variance=by_seed.var()).reset_index()


def language_gains(gains: Gains) -> pd.DataFrame:
    """Mean score, baseline and gain over seeds of each encoder, setting, target and language."""
    groups = gains.runs.groupby([*KEY, "language"], sort=False)
    means = groups[["score", "baseline"]].mean().reset_index()
    return means.assign(gain=means["score"] - means["baseline"])


def language_scores(frame: pd.DataFrame) -> pd.DataFrame:
    """Mean score over seeds of each target, metric, language and setting, the baseline too.

    Columns: target, metric, language, intermediate, value (NaN where a run diverged).
    """
    keys = ["target", "metric", "language", "intermediate"]
    scores = frame.groupby(keys, sort=False)["value"]
    return scores.mean().where(scores.count() == scores.size()).reset_index()


def mean_or_nan(values: pd.Series[float]) -> float:
    """NaN where one value is: the mean of the others would be a choice."""
    return float(values.mean(skipna=False))
