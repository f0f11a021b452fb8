"""Why a setting has no gain on a target that may be compared with other gains."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from xstilts.analysis.run_states import RunState


class ExclusionReason(StrEnum):
    """Why a setting is excluded on a target."""

    DIVERGED = "diverged"
    COLLAPSED = "collapsed"
    BASELINE_DIVERGED = "the baseline diverged"
    BASELINE_COLLAPSED = "the baseline collapsed"
    SAME_DATA = "it contains the target's own training data"
    NO_SCORE = "no score"
    NO_BASELINE = "no baseline"
    MISSING_SCORES = "scores are missing"


FAILURES = {
    RunState.DIVERGED: (ExclusionReason.DIVERGED, ExclusionReason.BASELINE_DIVERGED),
    RunState.COLLAPSED: (ExclusionReason.COLLAPSED, ExclusionReason.BASELINE_COLLAPSED),
}
"""A state of a run → the reason if it is the setting's run, and if it is the baseline's."""


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


@dataclass(frozen=True)
class Exclusion:
    """A setting that is excluded on a target, with all of its runs there.

    Args:
        failed: whether a gain was expected: a run of the setting diverged, collapsed or is
            missing. False where the setting contains the target's data, and where the baseline
            failed: then no setting could have a gain.
    """

    intermediate: str
    target: str
    reasons: tuple[RunExclusion, ...]
    failed: bool = True

    @property
    def text(self) -> str:
        """The reasons as people read them."""
        return ", ".join(reason.text for reason in self.reasons)


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
