"""Claims as YAML, judged on planted effects."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from xstilts.claims import CHECKS
from xstilts.claims.evidence import ExperimentEvidence, evidence_of
from xstilts.claims.judge import Judgement, ScopeMatch, judge
from xstilts.claims.schema import load_claims
from xstilts.claims.verdict import CheckResult, Verdict
from xstilts.core.errors import ConfigError
from xstilts.core.store import Store
from xstilts.planning.compile import compile_experiment
from xstilts.reports.claims import as_json, claims_text, lines, readable
from xstilts.testing.claims import SEEDS, claim_evidence
from xstilts.testing.planted import experiment


def ask(name: str, given: ExperimentEvidence, **params: Any) -> CheckResult:
    check = CHECKS.get(name)
    return check.judge(check.params.model_validate(params), given)


UP, NONE_, DOWN = 0.2, 0.0, -0.2


CLAIM = """\
claims:
  - id: X1
    short: helps
    statement: MNLI helps XNLI.
    kind: [effect]
    source: {paper: nobody}
    condition: both are there
    about: {encoders: [FacebookAI/xlm-roberta-large]}
    published: [{what: MNLI, points: 3.0}]
    checks:
      - {check: gains, tasks: {MNLI: [mnli]}, targets: [xnli]}
"""


def judged(tmp_path: Path, *bodies: ExperimentEvidence, text: str = CLAIM) -> tuple[Judgement, ...]:
    path = tmp_path / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    return judge(load_claims(path), bodies)


def test_a_user_claim_needs_only_yaml(tmp_path: Path) -> None:
    (one,) = judged(tmp_path, claim_evidence({("xnli", "mnli"): UP}))
    assert (one.outcome, one.scope) == (Verdict.SUPPORTED, ScopeMatch.WHOLE)
    assert one.confidence > 0.99
    (line,) = lines(one)
    assert (line.what, line.published) == ("MNLI", "+3.0")
    assert line.measured.startswith("+")
    row = readable([one]).iloc[0]
    assert (row["id"], row["published"], row["verdict"]) == ("X1", "+3.0", "supported")


def test_confidence_refers_to_the_verdict(tmp_path: Path) -> None:
    (down,) = judged(tmp_path, claim_evidence({("xnli", "mnli"): DOWN}))
    assert down.outcome is Verdict.CONTRADICTED
    assert down.confidence > 0.99 > 0.01 > down.favour
    (flat,) = judged(tmp_path, claim_evidence({("xnli", "mnli"): NONE_}))
    assert math.isnan(flat.confidence)
    assert 0 < flat.favour < 1


def test_each_encoder_is_judged_separately(tmp_path: Path) -> None:
    theirs, ours = (
        claim_evidence({("xnli", "mnli"): UP}),
        claim_evidence({("xnli", "mnli"): DOWN}, encoder="small"),
    )
    first, second = judged(tmp_path, theirs, ours)
    assert (first.outcome, second.outcome) == (Verdict.SUPPORTED, Verdict.CONTRADICTED)
    assert (first.scope, second.scope) == (ScopeMatch.WHOLE, ScopeMatch.PART)
    assert second.judged_on == "small, not xlm-roberta-large"
    without = claim_evidence({("bucc", "qqp"): UP})
    (alone,) = judged(tmp_path, without, theirs)
    assert alone.outcome is Verdict.SUPPORTED


def test_one_contradiction_is_enough_and_a_needed_check_must_be_testable(tmp_path: Path) -> None:
    more = "      - {check: gains, tasks: {QQP: [qqp]}, targets: [xnli]NEEDED}\n"
    up, both = {("xnli", "mnli"): UP}, {("xnli", "mnli"): UP, ("xnli", "qqp"): DOWN}
    for gains, needed, verdict in (
        (up, "", Verdict.UNDECIDED),
        (up, ", needed: true", Verdict.UNTESTABLE),
        (both, "", Verdict.CONTRADICTED),
    ):
        text = CLAIM + more.replace("NEEDED", needed)
        (one,) = judged(tmp_path, claim_evidence(gains), text=text)
        assert one.outcome is verdict
        assert ("not tested: gains" in one.judged_on) == (gains is up)


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("check: gains", "check: gain", 11, "did you mean 'gains'"),
        ("check: gains, ", "", 11, "must be the name of a check"),
        ("targets: [xnli]", "target: [xnli]", 11, "did you mean 'targets'"),
        ("tasks: {MNLI: [mnli]}", "tasks: all", 11, "tasks"),
        ("kind: [effect]", "kind: [rumour]", 5, "rumour"),
        ("condition:", "conditions:", 7, "did you mean 'condition'"),
        ("short: helps", "short: [", 3, "not YAML"),
        ("points: 3.0", "points: many", 9, "many"),
    ],
)
def test_invalid_claims_are_named_with_file_and_line(
    tmp_path: Path, old: str, new: str, line: int, words: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        judged(tmp_path, text=CLAIM.replace(old, new))
    message = str(caught.value)
    if words != "not YAML":  # the parser finds a bracket missing where it looks for it
        assert f"mine.yaml:{line}:" in message, message
    assert "mine.yaml:" in message
    assert words in message


def test_duplicate_ids_and_missing_files_are_errors(tmp_path: Path) -> None:
    again = CLAIM + CLAIM.partition("\n")[2]
    with pytest.raises(ConfigError, match=r"mine.yaml:12: duplicate claim X1"):
        judged(tmp_path, text=again)
    with pytest.raises(ConfigError, match="no such file of claims"):
        load_claims(tmp_path / "other.yaml")


def test_all_claims_of_the_paper_are_listed_with_their_requirements() -> None:
    listed = load_claims()
    assert [one.claim.id for one in listed] == [f"C{number}" for number in range(1, 17)]
    assert [one.claim.id for one in listed if one.claim.source.unverified] == ["C16"]
    figures = {one.claim.id: [f.points for f in one.claim.published] for one in listed}
    assert (figures["C1"], figures["C2"], figures["C5"]) == ([8.2, 7.5, 7.0], [8.7], [5.4])
    assert sum(one.claim.kind == ("setting",) for one in listed) == 10
    found = judge(listed, [claim_evidence({("toy", "toy-same"): UP})])
    assert {one.outcome for one in found if one.claim.kind != ("setting",)} == {Verdict.UNTESTABLE}


def test_gains_alone_do_not_support_a_claim_that_also_ranks() -> None:
    listed = [one for one in load_claims() if one.claim.id == "C1"]
    (one,) = judge(listed, [claim_evidence({("xnli", "mnli"): UP, ("tydiqa", "mnli"): UP})])
    assert one.outcome is Verdict.UNDECIDED
    assert "not tested: order" in one.judged_on
    assert "not tested: how many points are many" in one.judged_on
    few = judge(load_claims(), [claim_evidence({("bucc", "mnli"): UP})])
    tree = as_json(next(one for one in few if one.claim.id == "C3"))
    assert len(tree["artifacts"]) == tree["artifacts_in_all"] == 2 * 2 * len(SEEDS)


def test_the_default_layer_of_a_sweep_is_judged() -> None:
    ways = [f"tatoeba (layer {layer}, {pool})" for layer in (4, 8) for pool in ("cls", "mean")]
    base = "FacebookAI/xlm-roberta-base"
    retrieval = {"layer": (4, 8), "pooling": ("cls", "mean")}
    loaded = experiment(("none",), ("tatoeba",), encoder=base, retrieval=retrieval)
    compiled = compile_experiment(loaded)
    found = evidence_of("planted", compiled, Store("/nowhere"), {})
    assert {cell.target for cell in found.cells} == {"tatoeba"}
    keys = [cell.key for cell in compiled.cells if cell.target == ways[3]]
    assert [cell.key for cell in found.cells] == keys
    assert found.ways == {"tatoeba": ways[3]}


def test_the_weakest_part_names_the_scope_gaps(tmp_path: Path) -> None:
    wanted = "{check: gains, tasks: {MNLI: [mnli], QQP: [qqp], RTE: [rte]}, targets: [xnli]}"
    checks = f"    checks: [{wanted}, {wanted.replace('[qqp]', '[sst]')}]\n"
    text = CLAIM.partition("    checks:")[0] + checks
    (one,) = judged(
        tmp_path, claim_evidence({("xnli", "mnli"): UP, ("xnli", "qqp"): UP}), text=text
    )
    assert "1 of 3 tasks" in one.judged_on
    assert "2 of 3 tasks" not in one.judged_on


def test_the_judged_layer_is_named() -> None:
    given = replace(
        claim_evidence({("tatoeba", "mnli"): UP}), ways={"tatoeba": "tatoeba (layer 8, mean)"}
    )
    found = ask("gains", given, tasks="singles", targets=["tatoeba"])
    assert any("judged: tatoeba (layer 8, mean)" in words for words in found.caveats)


def test_the_claims_text_on_planted_results_equals_the_golden_text(tmp_path: Path) -> None:
    names = ("squad-v1", "mnli", "hellaswag", "qqp", "squad-v1+mnli", "mnli+text", "mnli@de")
    sizes = dict(zip(names, (0.4, 0.3, 0.2, 0.1, 0.5, 0.0, 0.0), strict=True))
    gains = {(at, name): size for at in ("tydiqa", "bucc") for name, size in sizes.items()}
    gains |= {("xnli", name): -0.05 for name in names}
    found = judge(load_claims(), [claim_evidence(gains, encoder="small")])
    verdicts = {one.claim.id: one.outcome for one in found}
    assert [verdicts[f"C{number}"] for number in (1, 2, 3, 4, 6)] == [Verdict.SUPPORTED] * 5
    assert all(one.scope is ScopeMatch.PART for one in found if one.claim.kind != ("setting",))
    store = Store(tmp_path)
    tree = json.loads(claims_text(found, "json", store))
    assert tree[0]["claim"]["published"][0] == {"what": "SQuAD", "points": 8.2, "note": ""}
    assert tree[0]["measures"][0]["what"] == "SQuAD"
    assert len(tree[0]["artifacts"]) == tree[0]["artifacts_in_all"] > 20
    assert "| C16 |" in claims_text(found, "md", store)
    with pytest.raises(ConfigError, match="one of md, json, html"):
        claims_text(found, "latex", store)
    page = claims_text(found, "html", store)
    assert "+8.2" in page
    assert all(word not in page for word in ("<script", "http://", "https://", "nan"))
