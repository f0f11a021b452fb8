"""The check `selection` tests each seed's gain of a setting that the other seeds chose."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest

from xstilts.analysis.dev_scores import DevScores
from xstilts.analysis.held_out_selection import HeldOutSelection, choose_by_other_seeds
from xstilts.analysis.selection import SelectedBy
from xstilts.claims import CHECKS
from xstilts.claims.evidence import ExperimentEvidence
from xstilts.claims.verdict import BootstrapEffect, CheckResult, ScopeGap, Verdict, decide
from xstilts.statistics.estimate import Floats
from xstilts.testing.claims import SEEDS, claim_evidence

SIDES = {Verdict.SUPPORTED: 0.2, Verdict.UNDECIDED: 0.0, Verdict.CONTRADICTED: -0.2}
TARGETS, SETTINGS, TRIALS = 9, 11, 400
Choose = Callable[[Mapping[str, DevScores], Sequence[int]], Mapping[int, str]]


def ask(
    given: ExperimentEvidence, chosen: Mapping[str, Mapping[int, str]], on_test: Sequence[str] = ()
) -> CheckResult:
    selections = (
        *(HeldOutSelection(target, SelectedBy.DEV, one) for target, one in chosen.items()),
        *(HeldOutSelection(target, SelectedBy.TEST, {}) for target in on_test),
    )
    check = CHECKS.get("selection")
    params = check.params.model_validate({"targets": [*chosen, *on_test], "label": "best"})
    return check.judge(params, replace(given, selections=selections))


@pytest.mark.parametrize("verdict", SIDES)
def test_selections_on_dev_are_judged_and_those_on_test_excluded(verdict: Verdict) -> None:
    given = claim_evidence({("xnli", "mnli"): SIDES[verdict], ("bucc", "mnli"): 0.2})
    found = ask(given, {"xnli": dict.fromkeys(SEEDS, "mnli")}, ["bucc"])
    assert found.outcome is verdict
    assert ScopeGap("targets", 1, 2) in found.missing
    assert any("only test scores could select: bucc" in words for words in found.caveats)
    assert any("for each seed by the mean English dev" in words for words in found.caveats)
    assert found.measures[0].of == "chosen for each seed by English dev of the other seeds"
    assert ask(given, {}, ["xnli"]).outcome is Verdict.UNTESTABLE
    assert ask(given, {"xnli": dict.fromkeys(SEEDS, "qqp")}).outcome is Verdict.UNTESTABLE


def test_each_seed_has_the_gain_of_its_own_setting() -> None:
    given = claim_evidence({("xnli", "mnli"): 0.3, ("xnli", "qqp"): 0.0})
    settings = dict(zip(SEEDS, ("mnli", "qqp", "qqp", "mnli"), strict=True))
    found = given.gain_by_seed("xnli", settings)
    mnli, qqp = (given.gain("xnli", name) for name in ("mnli", "qqp"))
    assert found
    assert mnli
    assert qqp
    np.testing.assert_array_equal(found.runs[:, [0, 3]], mnli.runs[:, [0, 3]])
    np.testing.assert_array_equal(found.runs[:, [1, 2]], qqp.runs[:, [1, 2]])
    table = given.gains.table
    of_mnli = table[(table["intermediate"] == "mnli") & (table["language"] != "en")]
    gains = of_mnli[of_mnli["seed"].isin([0, 3])]["gain"]
    assert found.value == pytest.approx(gains.sum() / len(of_mnli))
    assert (found.least, found.most, found.n) == pytest.approx((mnli.least, mnli.most, mnli.n))
    measure = ask(given, {"xnli": settings}).measures[1]
    assert measure.of == "mnli (2 of 4 seeds), qqp (2 of 4 seeds)"


def test_one_seed_is_undecided_as_no_other_seed_can_choose() -> None:
    found = ask(claim_evidence({("xnli", "mnli"): 0.3}, seeds=[0]), {"xnli": {0: "mnli"}})
    assert found.outcome is Verdict.UNDECIDED
    assert "no other seed can choose" in found.why
    assert "significance is not tested" in found.why
    assert found.measures[0].of == "chosen by English dev of the same seed"
    assert all(math.isnan(measure.estimate.p) for measure in found.measures)


def test_the_seed_that_is_tested_does_not_choose() -> None:
    found = {"a": scores([0.9, 0.1, 0.2]), "b": scores([0.3, 0.4, 0.3])}
    assert choose_by_other_seeds(found, [0, 1, 2]) == {0: "b", 1: "a", 2: "a"}
    shared = DevScores(scores={"x": 0.9}, seeds={"x": {0, 1}})  # of no other seed
    assert choose_by_other_seeds({"a": shared, "b": scores([0, 0])}, [0, 1]) == {0: "b", 1: "b"}
    assert choose_by_other_seeds({"a": scores([0.5]), "b": scores([0.6])}, [0]) == {0: "b"}
    assert choose_by_other_seeds({"a": shared}, [0, 1]) == {}


def by_all_seeds(found: Mapping[str, DevScores], seeds: Sequence[int]) -> Mapping[int, str]:
    return dict.fromkeys(seeds, max(found, key=lambda name: found[name].score))


def test_equal_settings_are_rarely_found_to_gain() -> None:
    """Dev and test of a run are the same number, the worst case: 2.5 % would be right."""
    by_themselves = shares(by_all_seeds)
    by_others = shares(choose_by_other_seeds)
    assert by_themselves[Verdict.SUPPORTED] > 0.3
    assert by_others[Verdict.SUPPORTED] <= 0.05
    assert by_others[Verdict.CONTRADICTED] <= 0.05


def test_a_better_setting_is_found() -> None:
    assert shares(choose_by_other_seeds, better=2.0)[Verdict.SUPPORTED] > 0.8


def shares(choose: Choose, better: float = 0.0) -> Mapping[Verdict, float]:
    """Verdict → its share of simulated experiments with three seeds.

    Args:
        better: how many standard deviations between seeds one setting is above the others.
    """
    generator = np.random.default_rng(4)
    verdicts = [_simulated(choose, better, generator) for _ in range(TRIALS)]
    return {verdict: verdicts.count(verdict) / TRIALS for verdict in SIDES}


def _simulated(choose: Choose, better: float, generator: np.random.Generator) -> Verdict:
    test = generator.standard_normal((TARGETS, SETTINGS, 3))
    test[:, 0] += better
    gains = test - generator.standard_normal((TARGETS, 1, 3))
    chosen = [choose(dev_of(of_target), range(3)) for of_target in test]
    runs = np.mean(
        [
            [gain[int(settings[seed]), seed] for seed in range(3)]
            for gain, settings in zip(gains, chosen, strict=True)
        ],
        axis=0,
    )
    effect = BootstrapEffect(float(runs.mean()), np.tile(runs, (1000, 1)), 9, -10, 10)
    return Verdict(decide([effect]).verdict)


def dev_of(scores_of: Floats) -> Mapping[str, DevScores]:
    return {str(number): scores(by_seed) for number, by_seed in enumerate(scores_of)}


def scores(by_seed: Sequence[float] | Floats) -> DevScores:
    """The dev scores of a setting, one for each seed."""
    keys = [f"train {seed}" for seed in range(len(by_seed))]
    return DevScores(
        scores=dict(zip(keys, map(float, by_seed), strict=True)),
        seeds={key: {seed} for seed, key in enumerate(keys)},
    )
