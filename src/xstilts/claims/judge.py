"""From a claim and the experiments of a store to verdicts, and to facts about the set-up."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import isnan

from xstilts.analysis.mixed_runs import MixedRuns
from xstilts.claims.evidence import ExperimentEvidence
from xstilts.claims.schema import Claim, LoadedCheck, LoadedClaim
from xstilts.claims.subject import Subject
from xstilts.claims.verdict import (
    OPEN,
    CheckResult,
    MeasuredEffect,
    Outcome,
    ScopeGap,
    SetupMatch,
    Verdict,
    confidence,
)
from xstilts.statistics.estimate import NAN


class ScopeMatch(StrEnum):
    """How much of what was published a verdict is about."""

    WHOLE = "as published"
    PART = "in part"


@dataclass(frozen=True)
class Judgement:
    """What one experiment says of one claim.

    Args:
        outcome: the verdict of its results; of a claim whose checks are all about the set-up, how
            much of it the experiment meets.
        judged_on: the encoder, and how much of the targets, tasks and test splits.
        why: a sentence for each check.
        favour: the smallest share of bootstrap draws in which a check of the claim holds. NaN
            where nothing is drawn.
        confidence: share of the draws on the verdict's side; NaN where there is none.
        keys: of the stages that hold the scores behind it.
        mixed: the gains behind it whose runs were computed differently; the caveats say so.
    """

    claim: Claim
    experiment: str
    encoder: str
    outcome: Outcome
    scope: ScopeMatch
    judged_on: str
    why: tuple[str, ...]
    measures: tuple[MeasuredEffect, ...] = ()
    favour: float = NAN
    confidence: float = NAN
    caveats: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    mixed: tuple[MixedRuns, ...] = ()

    @property
    def subject(self) -> Subject:
        """Whether the outcome is a verdict or a fact about the set-up."""
        return Subject.RESULTS if isinstance(self.outcome, Verdict) else Subject.SETUP


def judge(
    claims: Sequence[LoadedClaim], bodies: Sequence[ExperimentEvidence]
) -> tuple[Judgement, ...]:
    """An outcome for every claim and experiment that it can be judged on.

    Args:
        bodies: the newest first; a claim that none can judge has one judgement, of the first.
    """
    return tuple(one for listed in claims for one in _of_claim(listed, bodies))


def _of_claim(listed: LoadedClaim, bodies: Sequence[ExperimentEvidence]) -> Iterator[Judgement]:
    each = [_judged(listed, body) for body in bodies]
    testable = [one for one in each if one.outcome not in OPEN]
    yield from testable or each[:1]


def _judged(listed: LoadedClaim, evidence: ExperimentEvidence) -> Judgement:
    claim = listed.claim
    answers = [(item, item.check.judge(item.params, evidence)) for item in listed.checks]
    outcome = _together(answers)
    tested = [result for _, result in answers if result.outcome not in OPEN]
    favours = [result.support for result in tested if not isnan(result.support)]
    favour = min(favours, default=NAN)
    lacking = _scope_gaps(claim, evidence, answers)
    return Judgement(
        claim,
        evidence.experiment,
        evidence.encoder,
        outcome,
        ScopeMatch.PART if lacking else ScopeMatch.WHOLE,
        ", ".join([evidence.encoder, *lacking]),
        tuple(_explanations(answers)),
        tuple(measure for result in tested for measure in result.measures),
        favour,
        confidence(outcome, favour),
        _each(result.caveats for _, result in answers),
        _each(result.keys for result in tested),
        tuple(one for result in tested for one in result.mixed),
    )


def _explanations(answers: Sequence[tuple[LoadedCheck, CheckResult]]) -> Iterator[str]:
    """A sentence for each check; a single one about the set-up has the outcome of its claim."""
    for item, result in answers:
        alone = len(answers) == 1 and item.check.subject is Subject.SETUP
        yield f"{result.why}." if alone else f"{item.name}: {result.outcome}: {result.why}."


def _together(answers: Sequence[tuple[LoadedCheck, CheckResult]]) -> Outcome:
    """The verdict of the checks of results; facts about the set-up alone are no verdict.

    Of a claim with both, a set-up that is not met limits the scope, unless it is needed.
    """
    judged = [pair for pair in answers if pair[0].check.subject is Subject.RESULTS]
    if not judged:
        return _setup([result.outcome for _, result in answers])
    lacking = (SetupMatch.NOT_MET, SetupMatch.UNKNOWN)
    if any(item.needed and result.outcome in lacking for item, result in answers):
        return Verdict.UNTESTABLE
    return _verdict(judged)


def _verdict(answers: Sequence[tuple[LoadedCheck, CheckResult]]) -> Verdict:
    """All checks must hold: one contradiction contradicts, one that is not tested leaves open."""
    verdicts = [result.outcome for _, result in answers]
    missing = [item.needed for item, result in answers if result.outcome in OPEN]
    if Verdict.CONTRADICTED in verdicts:
        return Verdict.CONTRADICTED
    if any(missing) or len(missing) == len(answers):
        return Verdict.UNTESTABLE
    return Verdict.UNDECIDED if missing or Verdict.UNDECIDED in verdicts else Verdict.SUPPORTED


def _setup(matches: Sequence[Outcome]) -> SetupMatch:
    """What all parts have in common, else met in part; unknown if one is."""
    if SetupMatch.UNKNOWN in matches:
        return SetupMatch.UNKNOWN
    if all(match is SetupMatch.MET for match in matches):
        return SetupMatch.MET
    none = all(match is SetupMatch.NOT_MET for match in matches)
    return SetupMatch.NOT_MET if none else SetupMatch.PARTLY_MET


def _scope_gaps(
    claim: Claim, evidence: ExperimentEvidence, answers: Sequence[tuple[LoadedCheck, CheckResult]]
) -> tuple[str, ...]:
    """Differences between the judged experiments and the published claim, as texts."""
    gaps = dict.fromkeys(gap for _, result in answers for gap in result.missing)
    widest: dict[tuple[str, int], ScopeGap] = {}
    for gap in gaps:
        kind = gap.what, gap.of
        widest[kind] = min(widest.get(kind, gap), gap, key=lambda one: one.count)
    words = tuple(gap.text for gap in gaps if gap in widest.values())
    if claim.about.encoders and evidence.encoder not in claim.about.encoders:
        words = (f"not {claim.about.encoders[0].rpartition('/')[2]}", *words)
    names = [item.name for item, result in answers if result.outcome in OPEN]
    if names:
        words = (*words, f"not tested: {', '.join(names)}")
    return (*words, f"not tested: {claim.unjudged}") if claim.unjudged else words


def _each(groups: Iterator[tuple[str, ...]]) -> tuple[str, ...]:
    """All words, each once, in their order."""
    return tuple(dict.fromkeys(word for words in groups for word in words))
