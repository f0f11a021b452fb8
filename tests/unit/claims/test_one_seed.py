"""One seed decides no claim; claims about the set-up are apart from those about results."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from xstilts.claims import CHECKS
from xstilts.claims.judge import judge
from xstilts.claims.schema import Subject, load_claims
from xstilts.claims.verdict import BootstrapEffect, Verdict, decide
from xstilts.core.store import Store
from xstilts.reports.claims import as_json, claims_text, readable
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
    assert check.judge(asked, claim_evidence(GAINS)).verdict is not Verdict.UNDECIDED
    found = check.judge(asked, claim_evidence(GAINS, seeds=[0]))
    assert found.verdict is Verdict.UNDECIDED
    assert "one seed" in found.why
    assert math.isnan(found.support)
    assert all(math.isnan(measure.estimate.p) for measure in found.measures)


def test_intervals_of_effects_stay_within_possible_values() -> None:
    """Two seeds that differ by 80 points: Student's interval would end beyond 500."""
    effect = BootstrapEffect(0.4, np.array([[0.0, 0.8]] * 1000), 10)
    estimate = effect.estimate()
    assert (estimate.low, estimate.high) == (-1.0, 1.0)
    assert replace(effect, bound=2.0).estimate().high == 2.0
    assert decide([effect]).verdict is Verdict.UNDECIDED


def test_claims_on_the_set_up_are_apart_from_claims_on_results(tmp_path: Path) -> None:
    judgements = judge(load_claims(), [claim_evidence(GAINS)])
    table = readable(judgements)
    assert set(table["about"]) == {"results", "set-up"}
    about = dict(zip(table["id"], table["about"], strict=True))
    assert about["C1"] == Subject.RESULTS
    assert about["C10"] == Subject.SETUP
    assert {as_json(one)["about"] for one in judgements} == set(table["about"])
    page = claims_text(judgements, "html", Store(tmp_path))
    results, setup = page.index("<h2>Claims on results"), page.index("<h2>Claims on set-up")
    assert results < page.index("<h3>C1 ") < setup < page.index("<h3>C10 ")
