"""Checks of claims: every check with every verdict, on planted effects."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from xstilts.analysis.run_states import RunState
from xstilts.claims import CHECKS
from xstilts.claims.evidence import ExperimentEvidence
from xstilts.claims.gain_checks import _absent
from xstilts.claims.judge import judge
from xstilts.claims.schema import load_claims
from xstilts.claims.verdict import (
    BootstrapEffect,
    CheckResult,
    ScopeGap,
    SetupMatch,
    Verdict,
    confidence,
    decide,
)
from xstilts.reports.claims import lines
from xstilts.testing.claims import EXAMPLES, SEEDS, claim_evidence


def ask(name: str, given: ExperimentEvidence, **params: Any) -> CheckResult:
    check = CHECKS.get(name)
    return check.judge(check.params.model_validate(params), given)


UP, NONE_, DOWN = 0.2, 0.0, -0.2
SIDES = {Verdict.SUPPORTED: UP, Verdict.UNDECIDED: NONE_, Verdict.CONTRADICTED: DOWN}


@pytest.mark.parametrize("verdict", SIDES)
def test_a_planted_gain_is_found_with_its_size(verdict: Verdict) -> None:
    given = claim_evidence({("xnli", "mnli"): SIDES[verdict], ("tatoeba", "mnli"): SIDES[verdict]})
    found = ask("gains", given, tasks={"MNLI": ["mnli"]}, targets=["xnli", "tatoeba"])
    assert found.outcome is verdict
    estimate = found.measures[0].estimate
    assert estimate.low <= SIDES[verdict] <= estimate.high
    assert estimate.n == 2 * 2 * EXAMPLES  # targets, languages but English
    assert len(found.keys) == 2 * 2 * 2 * len(SEEDS)  # targets, settings, languages
    assert not found.missing
    assert "none" in found.keys[0]


def test_missing_runs_leave_a_claim_untested_and_are_listed() -> None:
    given = claim_evidence({("xnli", "mnli"): UP})
    for tasks, targets in (({"SQuAD": ["squad-v1"]}, ["xnli"]), ("singles", ["bucc"])):
        found = ask("gains", given, tasks=tasks, targets=targets)
        assert found.outcome is Verdict.UNTESTABLE
        assert "needs the baseline" in found.why
        assert targets[0] in found.why


@pytest.mark.parametrize("event", [RunState.DIVERGED, RunState.COLLAPSED, RunState.SAME_DATA])
def test_failed_and_same_data_runs_are_excluded_and_named(event: str) -> None:
    gains = {("xnli", "mnli"): DOWN, ("tydiqa", "mnli"): UP}
    given = claim_evidence(gains, states={("xnli", "mnli"): event})
    found = ask("gains", given, tasks="singles", targets=["xnli", "tydiqa"])
    assert found.outcome is Verdict.SUPPORTED
    assert ScopeGap("targets", 1, 2) in found.missing
    assert any("mnli is left out on xnli" in words for words in found.caveats)
    assert not any("xnli" in key for key in found.keys)
    alone = ask("gains", given, tasks="singles", targets=["xnli"])
    assert alone.outcome is Verdict.UNTESTABLE
    assert any("mnli is left out on xnli" in words for words in alone.caveats)


ON_BOTH = {"targets": ["xnli", "paws-x"]}
EACH_CHECK: dict[str, dict[str, Any]] = {
    "gains": {"tasks": "singles", **ON_BOTH},
    "no-gain": {"tasks": "singles", **ON_BOTH},
    "targets-differ": {"tasks": "singles", "more": "xnli", "less": "paws-x"},
    "order": {"tasks": {"A": ["mnli"], "B": ["qqp"], "C": ["sick"]}, **ON_BOTH},
    "best": {"tasks": {"A": ["mnli"]}, **ON_BOTH},
    "plain-over": {"variant": "text", **ON_BOTH},
}


@pytest.mark.parametrize("name", EACH_CHECK)
def test_a_setting_that_failed_on_a_target_is_a_gap(name: str) -> None:
    """QQP failed on one of two targets, SICK on both; MNLI and its variant on none."""
    settings = ("mnli", "qqp", "sick", "mnli+text", "qqp+text")
    gains = {(target, one): UP for target in ON_BOTH["targets"] for one in settings}
    failed = [("paws-x", "qqp"), ("paws-x", "sick"), ("xnli", "sick")]
    if name == "best":  # only the other settings of one task
        gains = {key: gain for key, gain in gains.items() if "text" not in key[1]}
    given = claim_evidence(gains, states=dict.fromkeys(failed, RunState.COLLAPSED))
    pairs = name in ("order", "best", "plain-over")
    what, of = ("pairs of settings", 2) if pairs else ("settings", 3)
    gap = ScopeGap(f"{what} on every judged target", 1, of)
    assert gap in ask(name, given, **EACH_CHECK[name]).missing
    whole = ask(name, claim_evidence(gains), **EACH_CHECK[name])
    assert whole.outcome is not Verdict.UNTESTABLE
    assert not whole.missing


@pytest.mark.parametrize(
    ("sides", "verdict"),
    [
        ([UP] * 10, Verdict.SUPPORTED),
        ([UP] * 9 + [DOWN], Verdict.SUPPORTED),
        ([UP] * 8 + [DOWN] * 2, Verdict.CONTRADICTED),
        ([UP] * 8 + [NONE_] * 2, Verdict.UNDECIDED),
    ],
)
def test_almost_every_task_means_nine_in_ten(sides: list[float], verdict: Verdict) -> None:
    given = claim_evidence({("bucc", f"t{number}"): side for number, side in enumerate(sides)})
    params = {"tasks": "singles", "share": 0.9, "of": 12, "label": "all", "targets": ["bucc"]}
    found = ask("gains", given, **params)
    assert found.outcome is verdict
    assert ScopeGap("tasks", 10, 12) in found.missing
    assert found.measures[0].what == "all"
    assert found.measures[0].estimate.value == pytest.approx(np.mean(sides), abs=0.04)


@pytest.mark.parametrize(
    ("gains", "margin", "verdict"),
    [
        ((DOWN, DOWN), 1, Verdict.SUPPORTED),
        ((UP, DOWN), 20, Verdict.SUPPORTED),
        ((UP, DOWN), 1, Verdict.UNDECIDED),
        ((UP, UP), 20, Verdict.UNDECIDED),  # above zero, but the margin is within the interval
        ((UP, UP), 1, Verdict.CONTRADICTED),
    ],
)
def test_no_gain_needs_an_interval_on_one_side_of_the_margin(
    gains: tuple[float, float], margin: float, verdict: Verdict
) -> None:
    """Gains of two settings, of which the mean is judged."""
    given = claim_evidence({("xnli", "mnli"): gains[0], ("xnli", "qqp"): gains[1]})
    found = ask("no-gain", given, tasks="singles", targets=["xnli"], margin=margin)
    assert found.outcome is verdict
    estimate = found.measures[0].estimate
    assert (100 * estimate.low > margin) == (verdict is Verdict.CONTRADICTED)
    if verdict is not Verdict.UNDECIDED:
        assert confidence(verdict, found.support) > 0.97


@pytest.mark.parametrize(
    ("gains", "verdict"),
    [
        ((0.3, 0.15, 0.0), Verdict.SUPPORTED),
        ((0.3, 0.1, 0.1), Verdict.UNDECIDED),
        ((0.0, 0.15, 0.3), Verdict.CONTRADICTED),
    ],
)
def test_a_claimed_order_is_judged(gains: tuple[float, ...], verdict: Verdict) -> None:
    names = ("squad-v1", "mnli", "hellaswag")
    given = claim_evidence({("xnli", name): gain for name, gain in zip(names, gains, strict=True)})
    tasks = {name: [name] for name in names}
    found = ask("order", given, tasks=tasks, targets=["xnli"])
    assert found.outcome is verdict
    assert (found.support > 0.9) == (verdict is Verdict.SUPPORTED)
    alone = claim_evidence({("xnli", "mnli"): UP})
    assert ask("order", alone, tasks=tasks, targets=["xnli"]).outcome is Verdict.UNTESTABLE


@pytest.mark.parametrize(
    ("mixture", "verdict", "rank"),
    [
        (0.3, Verdict.SUPPORTED, 1),
        (0.15, Verdict.UNDECIDED, 1),
        (0.0, Verdict.CONTRADICTED, 3),
    ],
)
def test_a_claimed_best_setting_is_judged(mixture: float, verdict: Verdict, rank: int) -> None:
    gains = {("xnli", "mnli"): 0.15, ("xnli", "qqp"): 0.15, ("xnli", "mnli+qqp"): mixture}
    found = ask("best", claim_evidence(gains), tasks="mixture", of=9, targets=["xnli"])
    assert found.outcome is verdict
    assert f"mnli+qqp is rank {rank} of 3" in found.why
    assert ScopeGap("tasks in the mixture", 2, 9) in found.missing
    singles = claim_evidence({("xnli", "mnli"): UP})
    assert ask("best", singles, tasks="mixture", targets=["xnli"]).outcome is Verdict.UNTESTABLE


@pytest.mark.parametrize("verdict", SIDES)
def test_a_difference_between_targets_is_judged(verdict: Verdict) -> None:
    gains = {("tydiqa", "mnli"): 0.2 + SIDES[verdict], ("xnli", "mnli"): 0.2}
    params = {"tasks": "singles", "more": "tydiqa", "less": "xnli"}
    assert ask("targets-differ", claim_evidence(gains), **params).outcome is verdict
    one_target = claim_evidence({("xnli", "mnli"): UP})
    assert ask("targets-differ", one_target, **params).outcome is Verdict.UNTESTABLE


@pytest.mark.parametrize(("variant", "name"), [("text", "mnli+text"), ("languages", "mnli@de")])
@pytest.mark.parametrize("verdict", SIDES)
def test_plain_english_training_is_compared_with_its_variants(
    variant: str, name: str, verdict: Verdict
) -> None:
    given = claim_evidence({("xnli", "mnli"): 0.1 + SIDES[verdict], ("xnli", name): 0.1})
    found = ask("plain-over", given, variant=variant, targets=["xnli"])
    assert found.outcome is verdict
    assert found.measures[0].of == f"mnli over {name}"
    other = {"text": "languages", "languages": "text"}[variant]
    assert ask("plain-over", given, variant=other, targets=["xnli"]).outcome.startswith("not")


def test_setup_checks_hold_fully_partly_or_not() -> None:
    full = claim_evidence(
        {("xnli", "mnli"): UP, ("xnli", "squad-v1"): UP, ("xnli", "mnli+squad-v1"): UP}
    )
    plain = claim_evidence({("xnli", "none"): 0.0}, encoder="other")
    met, partly, unmet = SetupMatch.MET, SetupMatch.PARTLY_MET, SetupMatch.NOT_MET
    for name, params, match, without in (
        ("encoder", {"names": [full.encoder]}, met, unmet),
        ("phases", {"baseline": True}, met, met),
        ("phases", {"intermediate": True}, met, unmet),
        ("phases", {"encoders": ["xlm-r"], "baseline": True}, met, partly),
        ("multitask", {}, met, unmet),
        ("multitask", {"of": 9}, partly, unmet),
        ("tasks", {"count": 2}, met, unmet),
        ("tasks", {"count": 3}, partly, unmet),
        ("covers", {"kinds": {"a": ["mnli"], "b": ["format span"]}}, met, unmet),
        ("covers", {"kinds": {"a": ["mnli"], "c": ["qqp"]}}, partly, unmet),
        ("languages", {"targets": ["xnli"], "count": 3}, met, met),
        ("languages", {"targets": ["xnli", "bucc"], "count": 3}, partly, partly),
    ):
        assert ask(name, full, **params).outcome is match, (name, params)
        assert ask(name, plain, **params).outcome is without, (name, params)


def test_controls_with_shuffled_labels_are_no_tasks() -> None:
    gains = {("xnli", "mnli"): UP, ("xnli", "mnli-shuffled-labels"): DOWN}
    given = claim_evidence({**gains, ("xnli", "mnli-shuffled-labels+sick"): DOWN})
    found = ask("gains", given, tasks="singles", targets=["xnli"])
    assert found.outcome is Verdict.SUPPORTED
    assert not given.mixtures
    assert ask("tasks", given, count=2).why == "1 of 2: mnli"
    covered = ask("covers", given, kinds={"NLI": ["format classification"]})
    assert "shuffled" not in covered.why
    order = {"MNLI": ["mnli"], "control": ["mnli-shuffled-labels"]}
    assert ask("order", given, tasks=order, targets=["xnli"]).outcome is Verdict.SUPPORTED


def test_setup_checks_need_scores() -> None:
    full = claim_evidence({("xnli", "mnli"): UP, ("xnli", "mnli+squad-v1"): UP})
    unscored = replace(full, frame=full.frame.assign(value=np.nan))
    for name, params in (
        ("encoder", {"names": [full.encoder]}),
        ("phases", {"baseline": True}),
        ("multitask", {}),
        ("tasks", {"count": 1}),
        ("covers", {"kinds": {"a": ["mnli"]}}),
        ("languages", {"targets": ["xnli"], "count": 3}),
    ):
        assert ask(name, unscored, **params).outcome is SetupMatch.UNKNOWN, name
    mixed = full.frame["intermediate"] == "mnli+squad-v1"
    half = replace(full, frame=full.frame.assign(value=full.frame["value"].mask(mixed)))
    assert ask("multitask", half).outcome is SetupMatch.NOT_MET
    span = {"kinds": {"a": ["format span"]}}
    assert ask("covers", half, **span).outcome is SetupMatch.NOT_MET
    assert ask("covers", full, **span).outcome is SetupMatch.MET


def test_effects_with_one_name_have_a_line_each() -> None:
    listed = [one for one in load_claims() if one.claim.id == "C1"]
    (one,) = judge(listed, [claim_evidence({("xnli", "mnli"): UP, ("tydiqa", "mnli"): UP})])
    measure = one.measures[0]
    other = replace(measure, estimate=replace(measure.estimate, value=0.5))
    shown_lines = lines(replace(one, measures=(measure, other, measure)))
    assert len(shown_lines) == len(one.claim.published) + 1


def test_null_effects_are_rarely_decided() -> None:
    """Ten effects of zero at once: Holm keeps false findings at one in twenty looks."""
    wrong = 0
    for number in range(100):
        generator = np.random.default_rng(number)
        noise = generator.normal(size=10)
        draws = [np.repeat(generator.normal(one, 1, (400, 1)), 2, axis=1) for one in noise]
        effects = [BootstrapEffect(*pair, 9) for pair in zip(noise, draws, strict=True)]
        wrong += decide(effects, 0.1).verdict is Verdict.SUPPORTED
        assert decide(effects).verdict is not Verdict.SUPPORTED
    assert 0 < wrong <= 10


def test_no_gain_is_judged_by_the_interval_that_is_shown() -> None:
    """Over a baseline of 99.5 no setting can gain a point, however much the seeds differ."""
    draws = np.random.default_rng(0).normal([-0.03, 0.03], 0.01, (2000, 2))
    effect = BootstrapEffect(0.0, draws, 100, least=-0.995, most=0.005)
    assert effect.estimate().high == pytest.approx(0.005)
    decision = _absent(effect, 1.0)
    assert decision.verdict is Verdict.SUPPORTED
    assert decision.support > 0.99
    assert _absent(effect, 0.5).verdict is Verdict.UNDECIDED
