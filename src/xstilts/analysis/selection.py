"""The best intermediate setting of each target, selected without its test set where possible.

A target that is trained is chosen for by its own score on English dev after each setting. The
retrieval targets are not trained: BUCC is chosen for by the F1 of the pairs mined on its dev
split, and Tatoeba, which has no dev split, takes BUCC's choice. Where there is none of this the
setting that is best on the displayed scores is selected, and marked as chosen on test.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from math import isnan

import pandas as pd

from xstilts.analysis.dev_scores import AllDevScores, DevScores, dev_scores
from xstilts.analysis.gains import ENGLISH, Gains, language_gains, language_scores, mean_or_nan
from xstilts.analysis.mixed_runs import (
    BEST,
    NOTHING,
    Compared,
    ComparedRuns,
    Computed,
    computed_by_setting,
    summarised,
    texts_by_setting,
)
from xstilts.analysis.results import Expected, expected
from xstilts.analysis.run_states import FAILED, NO_STATES, RunState, States, all_states
from xstilts.core.store import Store
from xstilts.planning.compile import CompiledPlan
from xstilts.planning.target_name import TargetName

TATOEBA, BUCC = "tatoeba", "bucc"


class SelectedBy(StrEnum):
    """What a setting was chosen by."""

    DEV = "dev"
    BUCC = "bucc"
    TEST = "test"


@dataclass(frozen=True)
class SelectedSetting:
    """The setting chosen for one target; scores and gains between 0 and 1.

    Args:
        metric: the target's main one.
        intermediate: the setting.
        selected_by: `dev`: by the target's own dev score; `bucc`: it is BUCC's; `test`: by the very
            scores that are shown, so that they flatter it.
        dev: the score that it was chosen by, mean over seeds; NaN if that is `test`.
        english: whether English is counted in what follows.
        score, baseline: means over seeds and the languages that both have; without a baseline
            it is NaN, and so is the gain.
        languages: how many these are.
        states: of the setting's and the baseline's runs, and `PARTIAL` where scores of any
            setting are still missing.
        mixed_runs: in words, what the runs of the setting, of the others that it was chosen from
            and of the baseline were computed with, if it differs.
    """

    encoder: str
    target: str
    metric: str
    intermediate: str = ""
    selected_by: SelectedBy = SelectedBy.TEST
    dev: float = float("nan")
    english: bool = True
    score: float = float("nan")
    baseline: float = float("nan")
    gain: float = float("nan")
    languages: int = 0
    states: States = NO_STATES
    mixed_runs: str = ""


def select_settings(
    compiled: CompiledPlan,
    store: Store,
    frame: pd.DataFrame,
    gains: Gains,
    candidates: Collection[str] | None = None,
) -> list[SelectedSetting]:
    """Two for each encoder and target, with and without English.

    Args:
        frame, gains: the results of the same cells, and the gains computed from them.
        candidates: the settings to choose from; by default all, the baseline among them: where no
            setting does better on dev, none is recommended.

    A setting with a diverged or collapsed run is never chosen, nor one with an undefined score
    among those that it would be chosen by. A target with nothing to choose yet has none.
    """
    dev, wanted = dev_scores(compiled, store), expected(compiled.cells)
    by_language = language_gains(gains)
    computed = computed_by_setting(compiled.cells, store)
    settings: dict[SelectedSetting, dict[str, None]] = {}
    for cell in compiled.cells:
        among = settings.setdefault(SelectedSetting(cell.encoder, cell.target, cell.metrics[0]), {})
        if candidates is None or cell.intermediate in candidates:
            among[cell.intermediate] = None
    return [
        replace(one, mixed_runs=_mixed_runs(one, {*among, compiled.baseline}, computed))
        for blank, among in settings.items()
        for one in _selected(
            blank,
            tuple(among),
            dev,
            _Results.of(blank, frame, by_language, wanted, compiled.baseline),
        )
    ]


def selection_table(selected: Iterable[SelectedSetting]) -> pd.DataFrame:
    """The settings as rows, with the fields of `SelectedSetting` as columns."""
    columns = [column.name for column in fields(SelectedSetting)]
    rows = [[getattr(one, name) for name in columns] for one in selected]
    return pd.DataFrame(rows, columns=columns)


def chosen_results(frame: pd.DataFrame, selected: Iterable[SelectedSetting]) -> pd.DataFrame:
    """The results of each target's chosen setting, as those of one setting called `BEST`."""
    keys = ["encoder", "target", "intermediate"]
    chosen = [(one.encoder, one.target, one.intermediate) for one in selected if one.english]
    return frame.merge(pd.DataFrame(chosen, columns=keys), on=keys).assign(intermediate=BEST)


def _selected(
    blank: SelectedSetting,
    among: tuple[str, ...],
    dev: AllDevScores,
    results: _Results,
) -> Iterator[SelectedSetting]:
    selected_by, found = _grounds(blank, among, dev, results)
    usable = {setting: dev.score for setting, dev in found.items() if not isnan(dev.score)}
    if not usable:
        return
    # the baseline before its equals, else the first of equals
    setting = max(usable, key=lambda name: (usable[name], name == results.baseline))
    unfinished = {state for scores in found.values() for state in scores.states} & {
        RunState.PARTIAL
    }
    chosen = replace(
        blank,
        intermediate=setting,
        selected_by=selected_by,
        dev=float("nan") if selected_by is SelectedBy.TEST else usable[setting],
        states=all_states([unfinished, results.states(setting), results.states(results.baseline)]),
    )
    yield from (results.scored(replace(chosen, english=english)) for english in (True, False))


def _mixed_runs(
    chosen: SelectedSetting, compared: Collection[str], computed: Mapping[Compared, Computed]
) -> str:
    """In what the runs of the settings that were compared differ, the chosen one among them."""
    groups = ((chosen.encoder, setting, chosen.target) for setting in compared)
    known = [computed[group] for group in groups if group in computed]
    others = "and the settings compared with it" if len(known) > 1 else ""
    group = chosen.encoder, chosen.intermediate, chosen.target
    runs = ComparedRuns(group, NOTHING.union(*known))
    return texts_by_setting(summarised([runs], others, others)).get(group, "")


def _grounds(
    blank: SelectedSetting, among: tuple[str, ...], dev: AllDevScores, results: _Results
) -> tuple[SelectedBy, Mapping[str, DevScores]]:
    """What can be chosen by, the most honest first: dev scores, the results."""
    if on_dev := dev_grounds(blank.encoder, blank.target, among, dev):
        return on_dev
    return SelectedBy.TEST, {setting: results.as_dev(setting) for setting in among}


def dev_grounds(
    encoder: str, target: str, among: Collection[str], dev: AllDevScores
) -> tuple[SelectedBy, Mapping[str, DevScores]] | None:
    """The dev scores to choose by, the target's own before BUCC's; none if there are neither."""
    own = _dev_of(encoder, target, among, dev)
    if own and not any(scores.shown for scores in own.values()):
        return SelectedBy.DEV, own
    name = TargetName.parse(target)
    if name.task == TATOEBA:
        bucc = str(replace(name, task=BUCC))  # of the same layer and pooling
        if dev_of_bucc := _dev_of(encoder, bucc, among, dev):
            return SelectedBy.BUCC, dev_of_bucc
    return None


def _dev_of(
    encoder: str, target: str, among: Collection[str], dev: AllDevScores
) -> Mapping[str, DevScores]:
    places = {setting: (encoder, target, setting) for setting in among}
    return {setting: dev[place] for setting, place in places.items() if place in dev}


def _against_itself(baseline: SelectedSetting) -> SelectedSetting:
    return replace(baseline, baseline=baseline.score, gain=baseline.score - baseline.score)


@dataclass(frozen=True)
class _Results:
    """One target's main scores.

    Args:
        means: setting → language → score, mean over seeds; NaN where one is undefined.
        gains: score and baseline of each setting and language, over the seeds that have both.
        known: setting → states of its results.
        unfinished: settings with scores missing.
        baseline: the setting that gains are over.
    """

    means: Mapping[str, Mapping[str, float]]
    gains: pd.DataFrame
    known: Mapping[str, States]
    unfinished: frozenset[str]
    baseline: str

    @classmethod
    def of(
        cls,
        blank: SelectedSetting,
        frame: pd.DataFrame,
        gains: pd.DataFrame,
        wanted: Expected,
        baseline: str,
    ) -> _Results:
        keys = ["encoder", "target", "metric"]
        here = frame[(frame[keys] == [blank.encoder, blank.target, blank.metric]).all(axis=1)]
        means: dict[str, dict[str, float]] = {}
        scores = language_scores(here)[["intermediate", "language", "value"]]
        for setting, code, value in scores.itertuples(index=False, name=None):
            means.setdefault(setting, {})[code] = float(value)
        own = gains[(gains["encoder"] == blank.encoder) & (gains["target"] == blank.target)]
        known: dict[str, States] = {}
        pairs: dict[str, set[tuple[str, int]]] = {}
        for setting, code, seed, states in here[
            ["intermediate", "language", "seed", "states"]
        ].itertuples(index=False):
            known[setting] = known.get(setting, NO_STATES) | states
            pairs.setdefault(setting, set()).add((code, seed))
        unfinished = frozenset(
            setting
            for (encoder, target, setting), needed in wanted.items()
            if (encoder, target) == (blank.encoder, blank.target)
            and not needed <= pairs.get(setting, set())
        )
        return cls(means, own, known, unfinished, baseline)

    def states(self, setting: str) -> States:
        """What must be known of a setting's scores."""
        states = self.known.get(setting, NO_STATES)
        late = setting in self.unfinished and not FAILED & states
        return states | {RunState.PARTIAL} if late else states

    def as_dev(self, setting: str) -> DevScores:
        """The displayed scores instead of dev scores."""
        states = {*self.states(setting)} & {*FAILED, RunState.PARTIAL}
        return DevScores(True, dict(self.means.get(setting, {})), states)

    def scored(self, best: SelectedSetting) -> SelectedSetting:
        """With its gain; with the score alone where there is none."""
        gains = self.gains[self.gains["intermediate"] == best.intermediate]
        gains = gains if best.english else gains[gains["language"] != ENGLISH]
        if len(gains):
            score, baseline = float(gains["score"].mean()), float(gains["baseline"].mean())
            return replace(
                best, score=score, baseline=baseline, gain=score - baseline, languages=len(gains)
            )
        means = self.means.get(best.intermediate, {})
        scores = [value for code, value in means.items() if best.english or code != ENGLISH]
        mean = mean_or_nan(pd.Series(scores, dtype=float))
        found = replace(best, score=mean, languages=len(scores))
        return found if best.intermediate != self.baseline else _against_itself(found)
