"""Checks of effects: is there a gain over the baseline?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import numpy as np
from pydantic import Field

from xstilts.analysis.selection import SelectedBy
from xstilts.claims.evidence import ExperimentEvidence
from xstilts.claims.mean_gains import (
    SettingChoice,
    average,
    check_result,
    choose,
    not_everywhere,
    nothing_for,
)
from xstilts.claims.verdict import (
    ONE_SEED,
    BootstrapEffect,
    Check,
    CheckResult,
    Decision,
    MeasuredEffect,
    Verdict,
    decide,
    mean_over_settings,
    mean_over_targets,
)
from xstilts.config.base import ConfigModel, Fraction
from xstilts.statistics.bootstrap import percentiles
from xstilts.statistics.estimate import NAN


class GainsCheck(ConfigModel):
    """`gains`: the number of settings with a gain on these targets."""

    tasks: SettingChoice
    targets: tuple[str, ...] = Field(min_length=1)
    share: Fraction = Field(1.0, description="of the settings that must gain")
    of: int | None = Field(None, description="how many tasks the claim was published about")
    label: str = Field(
        "", description="of the mean over the settings, to be compared with a published figure"
    )


def _gains(params: GainsCheck, evidence: ExperimentEvidence) -> CheckResult:
    chosen = choose(evidence, params.tasks, params.of, params.label)
    each = {
        (name, setting): one
        for name, setting in chosen.settings.items()
        if (one := average(evidence, setting, params.targets))
    }
    if not each:
        return nothing_for(evidence, _words(params.tasks), params.targets)
    measures = [MeasuredEffect(name, one.effect.estimate(), of) for (name, of), one in each.items()]
    if params.label and params.tasks == "singles":
        mean = mean_over_settings([one.effect for one in each.values()])
        measures.insert(
            0, MeasuredEffect(params.label, mean.estimate(), f"mean of {len(each)} settings")
        )
    used = {target for one in each.values() for target in one.targets}
    decision = decide([one.effect for one in each.values()], params.share)
    result = check_result(
        evidence, decision, measures, [of for _, of in each], params.targets, used
    )
    gaps = not_everywhere(each.values(), len(chosen.settings))
    return result.with_gaps((*chosen.gaps, *gaps))


def _words(tasks: SettingChoice) -> str:
    if tasks == "singles":
        return "single intermediate tasks"
    if tasks == "mixture":
        return "a mixture of intermediate tasks"
    return "one of " + ", ".join(name for names in tasks.values() for name in names)


class NoGainCheck(ConfigModel):
    """`no-gain`: on average over the settings, the gain on these targets is below a margin."""

    tasks: SettingChoice
    targets: tuple[str, ...] = Field(min_length=1)
    margin: float = Field(1.0, gt=0, description="points that count as a gain")
    of: int | None = None
    label: str = ""


def _no_gain(params: NoGainCheck, evidence: ExperimentEvidence) -> CheckResult:
    chosen = choose(evidence, params.tasks, params.of)
    each = {
        setting: one
        for setting in chosen.settings.values()
        if (one := average(evidence, setting, params.targets))
    }
    if not each:
        return nothing_for(evidence, _words(params.tasks), params.targets)
    mean = mean_over_settings([one.effect for one in each.values()])
    used = {target for one in each.values() for target in one.targets}
    measure = MeasuredEffect(params.label, mean.estimate(), f"mean of {len(each)} settings")
    decision = _absent(mean, params.margin)
    result = check_result(evidence, decision, [measure], list(each), params.targets, used)
    gaps = not_everywhere(each.values(), len(chosen.settings))
    return result.with_gaps((*chosen.gaps, *gaps))


def _absent(effect: BootstrapEffect, margin: float) -> Decision:
    """No gain of the margin or more: to find none is not to show that there is none."""
    if effect.has_one_seed:
        return Decision(Verdict.UNDECIDED, NAN, ONE_SEED)
    draws = np.clip(effect.draws, effect.least, effect.most)  # as intervals are
    low, high = percentiles(draws)
    favour = float(((100 * draws < margin).sum() + 1) / (len(draws) + 2))
    if 100 * high < margin:
        why = f"the interval ends below {margin:g} points, which would be a gain"
        return Decision(Verdict.SUPPORTED, favour, why)
    if 100 * low > margin:  # above zero is not enough: the claim allows gains below the margin
        why = f"the interval begins above {margin:g} points, which are a gain"
        return Decision(Verdict.CONTRADICTED, favour, why)
    mde = 100 * effect.detectable
    why = f"a gain of {margin:g} points is within the interval; {mde:.1f} points are detectable"
    return Decision(Verdict.UNDECIDED, favour, f"{why} with 80 % power")


BY_OTHERS = "chosen for each seed by English dev of the other seeds"
BY_ITSELF = "chosen by English dev of the same seed"
TESTED = (
    "Tested: the mean gain, over targets and seeds, of the setting that is best for each seed by "
    "the mean English dev score of the other seeds, as dev and test scores of one training vary "
    "together."
)
NOT_TESTED = "with one seed no other seed can choose, so the gain may be too large"


class SelectionCheck(ConfigModel):
    """`selection`: the settings chosen by dev of other seeds gain on average over targets."""

    targets: tuple[str, ...] = Field(min_length=1)
    label: str = ""


def _selection(params: SelectionCheck, evidence: ExperimentEvidence) -> CheckResult:
    """The mean over seeds and targets of the gain of a setting that the seed did not choose."""
    selected = [one for one in evidence.selections if one.target in params.targets]
    on_test = [one.target for one in selected if one.selected_by is SelectedBy.TEST]
    chosen = {one.target: one.settings for one in selected if one.settings}
    gains = {
        target: gain
        for target, settings in chosen.items()
        if (gain := evidence.gain_by_seed(target, settings))
    }
    if not gains:
        return nothing_for(evidence, "settings that English dev can choose among", params.targets)
    mean = mean_over_targets(list(gains.values()))
    alone = mean.has_one_seed
    names = {target: _names(chosen[target]) for target in gains}
    measures = [MeasuredEffect(params.label, mean.estimate(), BY_ITSELF if alone else BY_OTHERS)]
    measures += [
        MeasuredEffect(target, gain.estimate(), names[target]) for target, gain in gains.items()
    ]
    settings = {name for target in gains for name in chosen[target].values()}
    result = check_result(evidence, decide([mean]), measures, settings, params.targets, gains)
    listed = "; ".join(f"{target}: {words}" for target, words in names.items())
    caveats = [f"Selected, without settings that contain the target's own data: {listed}."]
    if on_test:
        caveats.append(f"Excluded, because only test scores could select: {', '.join(on_test)}.")
    if alone:
        return result.with_caveats(caveats).with_why(NOT_TESTED)
    return result.with_caveats([TESTED, *caveats])


def _names(settings: Mapping[int, str]) -> str:
    """The settings that were chosen and, if there are several, for how many seeds each."""
    counts = Counter(settings.values()).most_common()
    if len(counts) == 1:
        return counts[0][0]
    return ", ".join(f"{name} ({count} of {len(settings)} seeds)" for name, count in counts)


GAINS = Check(GainsCheck, _gains)
NO_GAIN = Check(NoGainCheck, _no_gain)
SELECTION = Check(SelectionCheck, _selection)
