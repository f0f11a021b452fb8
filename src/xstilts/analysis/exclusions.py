"""Which settings have a gain on a target that may be compared, and why the others do not.

One set of rules for the gain table, studies, claims, recommendations and reports. A setting is
judged on a target with all of its runs there: averaging the seeds that went well would be choosing.

| reason | gain | p value | compared with other settings |
| --- | --- | --- | --- |
| a run of the setting or baseline diverged, collapsed or has a NaN score | no | no | no |
| scores of the setting or of the baseline are still missing | so far | no | no |
| the setting contains the target's own training data | yes | yes | no |
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import isnan

import pandas as pd

from xstilts.analysis.results import expected
from xstilts.analysis.run_states import FAILED, RunState
from xstilts.config.intermediate import NO_INTERMEDIATE
from xstilts.planning.compile import ResultCell


class ExclusionReason(StrEnum):
    """Why a setting is excluded on a target."""

    DIVERGED = "diverged"
    COLLAPSED = "collapsed"
    BASELINE_DIVERGED = "the baseline diverged"
    BASELINE_COLLAPSED = "the baseline collapsed"
    SAME_DATA = "it contains the target's own training data"
    NO_SCORE = "no score"
    NO_BASELINE = "no baseline"
    NO_BASELINE_SCORE = "the baseline has no score"
    MISSING_SCORES = "scores are missing"


SETTING_FAILED = {
    RunState.DIVERGED: ExclusionReason.DIVERGED,
    RunState.COLLAPSED: ExclusionReason.COLLAPSED,
}
BASELINE_FAILED = {
    RunState.DIVERGED: ExclusionReason.BASELINE_DIVERGED,
    RunState.COLLAPSED: ExclusionReason.BASELINE_COLLAPSED,
}
NO_GAIN = frozenset(
    {
        *SETTING_FAILED.values(),
        *BASELINE_FAILED.values(),
        ExclusionReason.NO_SCORE,
        ExclusionReason.NO_BASELINE_SCORE,
    }
)
"""With one of these there is no gain, and more runs cannot bring one."""
INCOMPLETE = frozenset({ExclusionReason.NO_BASELINE, ExclusionReason.MISSING_SCORES})
"""With one of these there is a gain so far, of the runs that have a score and a baseline."""


@dataclass(frozen=True)
class RunExclusion:
    """One reason, with its numbers.

    Args:
        seed: of the run that diverged or collapsed.
        missing, expected: how many scores are missing, of how many.
    """

    reason: ExclusionReason
    seed: int | None = None
    missing: int = 0
    expected: int = 0

    @property
    def text(self) -> str:
        """The reason as people read it."""
        if self.seed is not None:
            return f"{self.reason} (seed {self.seed})"
        if self.reason is ExclusionReason.MISSING_SCORES:
            return f"{self.missing} of {self.expected} {self.reason}"
        return str(self.reason)


Key = tuple[str, str, str]
"""Encoder, intermediate setting and target."""


@dataclass(frozen=True)
class Exclusion:
    """A setting that is excluded on a target.

    Args:
        failed: whether a gain was expected: a run of the setting diverged, collapsed or is
            missing. False where the setting contains the target's data, and where the baseline
            failed or is missing: then no setting could have a gain.
    """

    encoder: str
    intermediate: str
    target: str
    reasons: tuple[RunExclusion, ...]
    failed: bool = True

    @property
    def key(self) -> Key:
        """Encoder, intermediate setting and target."""
        return self.encoder, self.intermediate, self.target

    @property
    def has_gain(self) -> bool:
        """Whether there is a gain, so far or with a mark, that is not compared with others."""
        return not any(one.reason in NO_GAIN for one in self.reasons)

    @property
    def is_partial(self) -> bool:
        """Whether a gain so far may still change."""
        return self.has_gain and any(one.reason in INCOMPLETE for one in self.reasons)

    @property
    def is_only_partial(self) -> bool:
        """Whether nothing but missing runs excludes the setting."""
        return all(one.reason in INCOMPLETE for one in self.reasons)

    @property
    def text(self) -> str:
        """The reasons as people read them."""
        return ", ".join(reason.text for reason in self.reasons)


def find_exclusions(
    main: pd.DataFrame,
    paired: pd.DataFrame,
    cells: Collection[ResultCell],
    baseline: str = NO_INTERMEDIATE,
) -> tuple[Exclusion, ...]:
    """Every setting and target with a reason against it.

    Args:
        main: results of each target's main metric, see `results.results_frame`.
        paired: the same with the baseline's, see `gains.paired_runs`.
        cells: what the experiment should have.
        baseline: the setting that gains are over.
    """
    failures = _baseline_failures(main, baseline)
    reasons: dict[Key, dict[RunExclusion, None]] = {}
    for key, reason in (*_of_runs(paired), *_of_cells(paired, cells, baseline, failures)):
        reasons.setdefault(key, {})[reason] = None
    lacking = _without_baseline(main, cells, baseline)
    return tuple(_exclusion(key, tuple(found), lacking) for key, found in reasons.items())


def _exclusion(
    key: Key, reasons: tuple[RunExclusion, ...], lacking: Collection[tuple[str, str]]
) -> Exclusion:
    encoder, _, target = key
    same_data = any(one.reason is ExclusionReason.SAME_DATA for one in reasons)
    return Exclusion(*key, reasons, failed=not same_data and (encoder, target) not in lacking)


def _of_runs(paired: pd.DataFrame) -> Iterator[tuple[Key, RunExclusion]]:
    """Why runs that are there have no gain, or one that is not compared."""
    columns = [
        "encoder", "intermediate", "target", "seed", "score", "baseline", "states",
        "baseline_states", "has_baseline",
    ]  # fmt: skip
    for *key, seed, score, baseline, states, of_baseline, has_baseline in zip(
        *(paired[column] for column in columns), strict=True
    ):
        setting = key[0], key[1], key[2]
        failures = [
            *_failures(states, SETTING_FAILED, seed),
            *_failures(of_baseline, BASELINE_FAILED, seed),
        ]
        yield from ((setting, failure) for failure in failures)
        if RunState.SAME_DATA in states:
            yield setting, RunExclusion(ExclusionReason.SAME_DATA)
        if failures:
            continue
        if isnan(score):
            yield setting, RunExclusion(ExclusionReason.NO_SCORE)
        elif not has_baseline:
            yield setting, RunExclusion(ExclusionReason.NO_BASELINE)
        elif isnan(baseline):
            yield setting, RunExclusion(ExclusionReason.NO_BASELINE_SCORE)


def _failures(
    states: Collection[RunState], reasons: Mapping[RunState, ExclusionReason], seed: int
) -> list[RunExclusion]:
    return [RunExclusion(reason, seed) for state, reason in reasons.items() if state in states]


def _of_cells(
    paired: pd.DataFrame,
    cells: Collection[ResultCell],
    baseline: str,
    failures: Mapping[tuple[str, str], Iterable[RunExclusion]],
) -> Iterator[tuple[Key, RunExclusion]]:
    """What the experiment's cells tell: which scores are missing, and who has the same data."""
    for cell in cells:
        if cell.same_data and cell.intermediate != baseline:
            key = cell.encoder, cell.intermediate, cell.target
            yield key, RunExclusion(ExclusionReason.SAME_DATA)
    there: dict[Key, set[tuple[str, int]]] = {}
    columns = ["encoder", "intermediate", "target", "language", "seed"]
    for encoder, setting, target, language, seed in paired[columns].itertuples(index=False):
        there.setdefault((encoder, setting, target), set()).add((language, seed))
    for (encoder, target, setting), runs in expected(cells).items():
        key = encoder, setting, target
        missing = len(runs - there.get(key, set()))
        if missing and setting != baseline:
            reason = ExclusionReason.MISSING_SCORES
            yield key, RunExclusion(reason, missing=missing, expected=len(runs))
            yield from ((key, failure) for failure in failures.get((encoder, target), ()))


def _baseline_failures(
    main: pd.DataFrame, baseline: str
) -> dict[tuple[str, str], list[RunExclusion]]:
    """(encoder, target) → how the baseline's runs failed there."""
    base = main[main["intermediate"] == baseline]
    failures: dict[tuple[str, str], list[RunExclusion]] = {}
    for encoder, target, seed, states in base[["encoder", "target", "seed", "states"]].itertuples(
        index=False
    ):
        failures.setdefault((encoder, target), []).extend(_failures(states, BASELINE_FAILED, seed))
    return failures


def _without_baseline(
    main: pd.DataFrame, cells: Iterable[ResultCell], baseline: str
) -> frozenset[tuple[str, str]]:
    """(encoder, target) whose baseline lacks a score, or has one that is not used."""
    run = ["encoder", "target", "language", "seed"]
    wanted = {(cell.encoder, cell.target, cell.language, cell.seed) for cell in cells}
    wanted |= set(main[run].itertuples(index=False, name=None))
    base = main[(main["intermediate"] == baseline) & main["value"].notna()]
    usable = base.loc[[not FAILED & states for states in base["states"]]]
    there = set(usable[run].itertuples(index=False, name=None))
    return frozenset((encoder, target) for encoder, target, _, _ in wanted - there)


def exclusion_texts(exclusions: Iterable[Exclusion]) -> tuple[str, ...]:
    """A sentence for each group of settings that are excluded on the same targets, and why."""
    targets: dict[tuple[str, str], list[str]] = {}
    for one in exclusions:
        targets.setdefault((one.intermediate, one.text), []).append(one.target)
    settings: dict[tuple[str, str], list[str]] = {}
    for (setting, why), where in targets.items():
        settings.setdefault((", ".join(where), why), []).append(setting)
    return tuple(_sentence(group, where, why) for (where, why), group in settings.items())


def _sentence(settings: Sequence[str], targets: str, why: str) -> str:
    verb = "is" if len(settings) == 1 else "are"
    return f"{', '.join(settings)} {verb} left out on {targets}: {why}."
