"""Checks that compare settings with each other, or targets."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from pydantic import Field

from xstilts.claims.evidence import ExperimentEvidence
from xstilts.claims.mean_gains import (
    MeanGain,
    SettingChoice,
    check_result,
    choose,
    difference,
    not_everywhere,
    nothing_for,
)
from xstilts.claims.verdict import (
    Check,
    CheckResult,
    MeasuredEffect,
    ScopeGap,
    decide,
    mean_over_settings,
)
from xstilts.config.base import ConfigModel


@dataclass(frozen=True)
class SettingPairs:
    """Differences between settings.

    Args:
        found: (setting, other setting) → how much more the first gains.
        wanted: how many pairs there would be if nothing had failed or were missing.
    """

    found: Mapping[tuple[str, str], MeanGain]
    wanted: int

    @property
    def settings(self) -> set[str]:
        """The settings that are compared."""
        return {name for pair in self.found for name in pair}

    @property
    def targets(self) -> set[str]:
        """The targets on which any are compared."""
        return {target for mean in self.found.values() for target in mean.targets}

    @property
    def gaps(self) -> tuple[ScopeGap, ...]:
        """How many are compared on every judged target."""
        return not_everywhere(self.found.values(), self.wanted, "pairs of settings")


class OrderCheck(ConfigModel):
    """`order`: the tasks' mean gains fall in the order in which they are written."""

    tasks: dict[str, tuple[str, ...]] = Field(min_length=2)
    targets: tuple[str, ...] = Field(min_length=1)


def _order(params: OrderCheck, evidence: ExperimentEvidence) -> CheckResult:
    chosen = choose(evidence, params.tasks, None)
    pairs = _differences(evidence, list(pairwise(chosen.settings.values())), params.targets)
    if not pairs.found:
        names = ", ".join(name for options in params.tasks.values() for name in options)
        return nothing_for(evidence, f"two or more of {names}", params.targets)
    return _pairs_found(evidence, pairs, params.targets).with_gaps(chosen.gaps)


class BestCheck(ConfigModel):
    """`best`: the settings gain more than every other of one task; a mixture than others too."""

    tasks: SettingChoice
    targets: tuple[str, ...] = Field(min_length=1)
    of: int | None = None


def _best(params: BestCheck, evidence: ExperimentEvidence) -> CheckResult:
    chosen = choose(evidence, params.tasks, params.of)
    own = set(chosen.settings.values())
    rivals = (*evidence.singles, *(evidence.mixtures if params.tasks == "mixture" else ()))
    others = [name for name in rivals if name not in own]
    wanted = [(one, other) for one in own for other in others]
    pairs = _differences(evidence, wanted, params.targets)
    if not pairs.found:
        return nothing_for(evidence, "the named settings and others", params.targets)
    result = _pairs_found(evidence, pairs, params.targets).with_gaps(chosen.gaps)
    ranks = "; ".join(
        f"{one} is rank {1 + sum(pair.effect.value < 0 for pair in mine)} of {1 + len(mine)}"
        for one in sorted(own)
        if (mine := [pair for (first, _), pair in pairs.found.items() if first == one])
    )
    return result.with_why(f"{ranks} by mean gain over shared targets")


def _differences(
    evidence: ExperimentEvidence, wanted: Collection[tuple[str, str]], targets: tuple[str, ...]
) -> SettingPairs:
    known = {(one, other): difference(evidence, one, other, targets) for one, other in wanted}
    found = {pair: average for pair, average in known.items() if average}
    return SettingPairs(found, len(wanted))


def _pairs_found(
    evidence: ExperimentEvidence, pairs: SettingPairs, targets: tuple[str, ...]
) -> CheckResult:
    measures = [
        MeasuredEffect(f"{one} over {other}", pair.effect.estimate(), "difference")
        for (one, other), pair in pairs.found.items()
    ]
    decision = decide([pair.effect for pair in pairs.found.values()])
    result = check_result(evidence, decision, measures, pairs.settings, targets, pairs.targets)
    return result.with_gaps(pairs.gaps)


class TargetsDifferCheck(ConfigModel):
    """`targets-differ`: on average over the settings, one target gains more than another."""

    tasks: SettingChoice
    more: str
    less: str
    of: int | None = None


def _targets_differ(params: TargetsDifferCheck, evidence: ExperimentEvidence) -> CheckResult:
    chosen = choose(evidence, params.tasks, params.of)
    targets = (params.more, params.less)
    both = {}
    for setting in chosen.settings.values():
        more, less = evidence.gain(params.more, setting), evidence.gain(params.less, setting)
        if more and less:
            both[setting] = MeanGain(more - less, targets)
    if not both:
        return nothing_for(evidence, "intermediate tasks", targets)
    mean = mean_over_settings([one.effect for one in both.values()])
    words = f"difference, mean of {len(both)} settings"
    measure = MeasuredEffect(f"{params.more} over {params.less}", mean.estimate(), words)
    result = check_result(evidence, decide([mean]), [measure], list(both), targets, targets)
    gaps = not_everywhere(both.values(), len(chosen.settings))
    return result.with_gaps((*chosen.gaps, *gaps))


class PlainOverCheck(ConfigModel):
    """`plain-over`: settings gain more than the same with something added.

    `text`: masked language modelling mixed with the tasks; `languages`: training data in other
    languages, such as translations, in their place.
    """

    variant: Literal["text", "languages"]
    targets: tuple[str, ...] = Field(min_length=1)
    label: str = ""


def _plain_over(params: PlainOverCheck, evidence: ExperimentEvidence) -> CheckResult:
    wanted = []
    for name, setting in evidence.settings.items():
        plain = evidence.plain(setting, text=params.variant == "text")
        if plain != setting.name and plain in evidence.named:
            wanted.append((evidence.named[plain], name))
    pairs = _differences(evidence, wanted, params.targets)
    if not pairs.found:
        what = {"text": "mnli+TEXT", "languages": "mnli@de"}[params.variant]
        return nothing_for(evidence, f"pairs of settings such as mnli and {what}", params.targets)
    mean = mean_over_settings([pair.effect for pair in pairs.found.values()])
    words = ", ".join(f"{one} over {other}" for one, other in pairs.found)
    measure = MeasuredEffect(params.label, mean.estimate(), words)
    result = check_result(
        evidence, decide([mean]), [measure], pairs.settings, params.targets, pairs.targets
    )
    return result.with_gaps(pairs.gaps)


ORDER = Check(OrderCheck, _order)
BEST = Check(BestCheck, _best)
TARGETS_DIFFER = Check(TargetsDifferCheck, _targets_differ)
PLAIN_OVER = Check(PlainOverCheck, _plain_over)
