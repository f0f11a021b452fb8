"""One seed decides no claim; facts about the set-up are apart from verdicts on results."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from xstilts.claims import CHECKS
from xstilts.claims.judge import ScopeMatch, judge
from xstilts.claims.schema import load_claims
from xstilts.claims.subject import Subject
from xstilts.claims.verdict import (
    BootstrapEffect,
    SetupMatch,
    Verdict,
    decide,
    mean_over_targets,
)
from xstilts.core.store import Store
from xstilts.reports.claims import TITLES, as_json, claims_text, readable, setup_facts
from xstilts.testing.claims import claim_evidence

GAINS = {
    ("xnli", "mnli"): 0.3,
    ("xnli", "qqp"): -0.3,
    ("bucc", "mnli"): -0.2,
    ("bucc", "qqp"): -0.2,
}


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("gains", {"tasks": {"MNLI": ["mnli"]}, "targets": ["xnli"]}),
        ("gains", {"tasks": {"QQP": ["qqp"]}, "targets": ["xnli"]}),
        ("no-gain", {"tasks": {"QQP": ["qqp"]}, "targets": ["xnli"]}),
        ("no-gain", {"tasks": {"MNLI": ["mnli"]}, "targets": ["xnli"]}),
        ("order", {"tasks": {"MNLI": ["mnli"], "QQP": ["qqp"]}, "targets": ["xnli"]}),
        ("best", {"tasks": {"MNLI": ["mnli"]}, "targets": ["xnli"]}),
        ("targets-differ", {"tasks": {"MNLI": ["mnli"]}, "more": "xnli", "less": "bucc"}),
    ],
)
def test_one_seed_is_undecided_where_more_seeds_decide(
    name: str, params: dict[str, object]
) -> None:
    check = CHECKS.get(name)
    asked = check.params.model_validate(params)
    assert check.judge(asked, claim_evidence(GAINS)).outcome is not Verdict.UNDECIDED
    found = check.judge(asked, claim_evidence(GAINS, seeds=[0]))
    assert found.outcome is Verdict.UNDECIDED
    assert "one seed" in found.why
    assert math.isnan(found.support)
    assert all(math.isnan(measure.estimate.p) for measure in found.measures)


def test_intervals_of_effects_stay_within_possible_values() -> None:
    """Two seeds that differ by 80 points: Student's interval would end beyond 500."""
    effect = BootstrapEffect(0.4, np.array([[0.0, 0.8]] * 1000), 10, least=-0.5, most=0.5)
    other = replace(effect, value=0.0, runs=effect.runs[:, ::-1], least=-0.9, most=0.1)
    for found, least, most in (
        (effect, -0.5, 0.5),
        (effect - other, -0.6, 1.4),
        (mean_over_targets([effect, other, effect, other]), -0.7, 0.3),
    ):
        assert (found.least, found.most) == pytest.approx((least, most))
    estimate = effect.estimate()
    assert (estimate.low, estimate.high) == (-0.5, 0.5)
    assert decide([effect]).verdict is Verdict.UNDECIDED


def test_a_gain_ends_where_its_baseline_allows_no_more() -> None:
    given = claim_evidence({("xnli", "mnli"): 0.3})
    table = given.gains.table
    baseline = table.loc[table["language"] != "en", "baseline"].mean()
    gain = given.gain("xnli", "mnli")
    assert gain
    assert (gain.least, gain.most) == pytest.approx((-baseline, 1 - baseline))


def test_claims_on_the_set_up_are_apart_from_claims_on_results(tmp_path: Path) -> None:
    judgements = judge(load_claims(), [claim_evidence(GAINS)])
    results, facts = readable(judgements), setup_facts(judgements)
    assert list(results["id"]) == [f"C{number}" for number in range(1, 7)]
    assert list(facts["id"]) == [f"C{number}" for number in range(7, 17)]
    assert set(facts["here"]) <= {str(match) for match in SetupMatch}
    for tree in map(as_json, judgements):
        assert (tree["verdict"] is None) == (tree["about"] == Subject.SETUP)
        assert (tree["set_up"] is None) == (tree["about"] == Subject.RESULTS)
    page = claims_text(judgements, "html", Store(tmp_path))
    first, second = (page.index(f"<h2>{title}") for title in TITLES.values())
    assert first < page.index("<h3>C1 ") < second < page.index("<h3>C10 ")
    words = {str(verdict) for verdict in Verdict}
    assert not any(word in page[second:] for word in words)


SETUP = "{check: encoder, names: [elsewhere]}"
BOTH = f"""\
claims:
  - id: X1
    short: helps
    statement: MNLI helps XNLI.
    kind: [effect]
    source: {{paper: nobody}}
    condition: both are there
    checks:
      - {{check: gains, tasks: {{MNLI: [mnli]}}, targets: [xnli]}}
      - {SETUP}
"""


def test_another_set_up_limits_the_scope_of_a_verdict_and_contradicts_nothing(
    tmp_path: Path,
) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(BOTH, encoding="utf-8")
    (found,) = judge(load_claims(path), [claim_evidence(GAINS)])
    assert (found.outcome, found.scope) == (Verdict.SUPPORTED, ScopeMatch.PART)
    path.write_text(BOTH.replace("elsewhere]", "elsewhere], needed: true"), encoding="utf-8")
    (found,) = judge(load_claims(path), [claim_evidence(GAINS)])
    assert found.outcome is Verdict.UNTESTABLE
