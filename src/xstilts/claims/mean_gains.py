"""Mean gains over targets, and what they were not taken over."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from xstilts.claims.evidence import ExperimentEvidence
from xstilts.claims.verdict import (
    BootstrapEffect,
    CheckResult,
    Decision,
    MeasuredEffect,
    ScopeGap,
    mean_over_targets,
    untestable,
)

SettingChoice = Literal["singles", "mixture"] | dict[str, tuple[str, ...]]
"""Which intermediate settings: all of one task, the widest mixture, or name → settings of which
the first that the experiment has is taken."""
PRESETS = "the presets phang-2020 and mini-xtreme are such grids"


@dataclass(frozen=True)
class MeanGain:
    """A mean over targets, and the targets that it is over."""

    effect: BootstrapEffect
    targets: tuple[str, ...]


@dataclass(frozen=True)
class ChosenSettings:
    """The settings that a check is about.

    Args:
        settings: name in the claim → the experiment's setting.
        gaps: which of the published tasks the experiment lacks.
    """

    settings: Mapping[str, str]
    gaps: tuple[ScopeGap, ...] = ()


def choose(
    evidence: ExperimentEvidence, tasks: SettingChoice, of: int | None, label: str = ""
) -> ChosenSettings:
    """The settings of the experiment that match the choice.

    Args:
        of: how many tasks the claim was published about.
    """
    if tasks == "mixture":
        name = max(evidence.mixtures, key=lambda one: len(evidence.mixtures[one]), default=None)
        count = len(evidence.mixtures[name]) if name else 0
        chosen = {label or "mixture": name} if name else {}
        return ChosenSettings(chosen, _few(count, of, "tasks in the mixture"))
    if tasks == "singles":
        return ChosenSettings(
            {evidence.settings[name].name: name for name in evidence.singles},
            _few(len(evidence.singles), of, "tasks"),
        )
    first = {
        name: next((evidence.named[one] for one in options if one in evidence.named), "")
        for name, options in tasks.items()
    }
    chosen = {name: setting for name, setting in first.items() if setting}
    return ChosenSettings(chosen, _few(len(chosen), len(tasks), "tasks"))


def _few(count: int, of: int | None, what: str) -> tuple[ScopeGap, ...]:
    return (ScopeGap(what, count, of),) if of and count < of else ()


def average(evidence: ExperimentEvidence, setting: str, targets: Iterable[str]) -> MeanGain | None:
    """The mean gain over the targets on which the setting has a gain."""
    known = {target: evidence.gain(target, setting) for target in targets}
    return _mean({target: gain for target, gain in known.items() if gain})


def difference(
    evidence: ExperimentEvidence, one: str, other: str, targets: Iterable[str]
) -> MeanGain | None:
    """How much more a setting gains than another, over the targets that both have."""
    known = {}
    for target in targets:
        first, second = evidence.gain(target, one), evidence.gain(target, other)
        if first and second:
            known[target] = first - second
    return _mean(known)


def not_everywhere(
    found: Collection[MeanGain], wanted: int, what: str = "settings"
) -> tuple[ScopeGap, ...]:
    """How many have an effect on every target that is judged: the others are judged on fewer.

    Args:
        wanted: how many there would be if nothing had failed or were missing.
    """
    judged = {target for one in found for target in one.targets}
    everywhere = sum(judged.issubset(one.targets) for one in found)
    return _few(everywhere, wanted, f"{what} on every judged target")


def _mean(known: Mapping[str, BootstrapEffect]) -> MeanGain | None:
    return MeanGain(mean_over_targets(list(known.values())), tuple(known)) if known else None


def check_result(
    evidence: ExperimentEvidence,
    decision: Decision,
    measures: Sequence[MeasuredEffect],
    settings: Collection[str],
    wanted: Sequence[str],
    used: Collection[str],
) -> CheckResult:
    """The decision with what must be known of it.

    Args:
        wanted: the targets that the claim is about; `used`: those that it was judged on.
    """
    there = [target for target in wanted if target in used]
    gaps = _few(len(there), len(wanted), "targets")
    if any(target in evidence.stand_ins for target in there):
        gaps += (ScopeGap("not on whole test splits"),)
    keys = dict.fromkeys(key for target in there for key in evidence.keys(target, settings))
    seeds = {cell.seed for cell in evidence.cells}
    gains = evidence.gains.among(settings, wanted)
    caveats = gains.caveats()
    if len(seeds) == 1:
        caveats += ("One seed: intervals are over test examples alone.",)
    if ways := [evidence.ways[target] for target in there if target in evidence.ways]:
        caveats += (f"Of several layers and poolings, judged: {', '.join(ways)}.",)
    return CheckResult(
        decision.verdict,
        decision.why,
        tuple(measures),
        decision.support,
        gaps,
        caveats,
        tuple(keys),
        gains.mixed,
    )


def nothing_for(evidence: ExperimentEvidence, what: str, targets: Sequence[str]) -> CheckResult:
    """No gains to judge by, what would have to be run, and what was left out."""
    names = ", ".join(targets)
    why = f"needs the baseline and {what}, finished and without failed runs, on {names}: {PRESETS}"
    unused = replace(evidence.gains.among(evidence.settings, targets), mixed=())
    return untestable(why).with_caveats(unused.caveats())
