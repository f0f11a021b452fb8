"""Claims against planted effects: every check with every verdict, and claims as YAML."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from xstilts.analysis.example_scores import ExampleScores
from xstilts.analysis.results import COLUMNS
from xstilts.analysis.run_states import RunState
from xstilts.claims import CHECKS
from xstilts.claims.evidence import ExperimentEvidence, TrainedSetting, evidence_of
from xstilts.claims.judge import Judgement, ScopeMatch, judge
from xstilts.claims.schema import load_claims
from xstilts.claims.verdict import BootstrapEffect, CheckResult, ScopeGap, Verdict, decide
from xstilts.core.errors import ConfigError
from xstilts.core.store import Store
from xstilts.planning.compile import ResultCell, compile_experiment
from xstilts.reports.claims import as_json, claims_text, lines, readable
from xstilts.testing.planted import experiment

CODES, SEEDS, EXAMPLES = ("en", "de", "fi"), (0, 1, 2, 3), 150
Gains = Mapping[tuple[str, str], float]
FORMATS = {"squad-v1": "span", "conll2000": "tagging", "text": "masked_lm"}


def body(
    gains: Gains,
    *,
    states: Mapping[tuple[str, str], RunState] | None = None,
    encoder: str = "FacebookAI/xlm-roberta-large",
    best: pd.DataFrame | None = None,
) -> ExperimentEvidence:
    """An experiment whose gains are planted: (target, setting) → right answers more, of 1."""
    targets = list(dict.fromkeys(target for target, _ in gains))
    cells, rows, outcomes, trainings = [], [], dict[str, list[ExampleScores]](), {}
    for target in targets:
        settings = {setting: gain for (at, setting), gain in gains.items() if at == target}
        for setting, gain in {"none": 0.0, **settings}.items():
            held = frozenset(filter(None, [(states or {}).get((target, setting))]))
            trained = () if setting == "none" else (f"train {setting}",)
            own = () if target in ("bucc", "tatoeba") else (f"train {target} after {setting}",)
            tasks = setting.replace("@de", "").split("+") if trained else []
            language = "de" if "@de" in setting else "en"
            formats = {task: FORMATS.get(task, "classification") for task in tasks}
            trainings |= dict.fromkeys(trained, TrainedSetting(formats, frozenset({language})))
            for code in CODES:
                for seed in SEEDS:
                    key = f"{target} {setting} {code} {seed}"
                    metrics, same = ("accuracy",), RunState.SAME_DATA in held
                    place = encoder, setting, target, code, "test", seed, metrics, key
                    cells.append(ResultCell(*place, (*trained, *own), same))
                    generator = np.random.default_rng([len(code + target), seed])
                    right = (generator.random(EXAMPLES) < 0.5 + gain).astype(float)
                    table = np.stack([right, np.ones(EXAMPLES)], axis=1)
                    ids = tuple(f"{target} {code} {number}" for number in range(EXAMPLES))
                    values = encoder, setting, target, code, "test", seed, "accuracy"
                    rows.append((*values, right.mean(), EXAMPLES, key, held))
                    one = ExampleScores(
                        encoder, setting, target, code, seed, "accuracy", ids, table
                    )
                    outcomes.setdefault(target, []).append(one)
    return ExperimentEvidence(
        "planted",
        encoder,
        tuple(cells),
        pd.DataFrame(rows, columns=list(COLUMNS)),
        lambda target: outcomes[target],
        pd.DataFrame() if best is None else best,
        trainings,
        draws=800,
    )


def ask(name: str, given: ExperimentEvidence, **params: Any) -> CheckResult:
    check = CHECKS.get(name)
    return check.judge(check.params.model_validate(params), given)


UP, NONE_, DOWN = 0.2, 0.0, -0.2
SIDES = {Verdict.SUPPORTED: UP, Verdict.UNDECIDED: NONE_, Verdict.CONTRADICTED: DOWN}


@pytest.mark.parametrize("verdict", SIDES)
def test_a_planted_gain_is_found_with_its_size(verdict: Verdict) -> None:
    given = body({("xnli", "mnli"): SIDES[verdict], ("tatoeba", "mnli"): SIDES[verdict]})
    found = ask("gains", given, tasks={"MNLI": ["mnli"]}, targets=["xnli", "tatoeba"])
    assert found.verdict is verdict
    estimate = found.measures[0].estimate
    assert estimate.low <= SIDES[verdict] <= estimate.high
    assert estimate.n == 2 * 2 * EXAMPLES  # targets, languages but English
    assert len(found.keys) == 2 * 2 * 2 * len(SEEDS)  # targets, settings, languages
    assert not found.missing
    assert "none" in found.keys[0]


def test_missing_runs_leave_a_claim_untested_and_are_listed() -> None:
    given = body({("xnli", "mnli"): UP})
    for tasks, targets in (({"SQuAD": ["squad-v1"]}, ["xnli"]), ("singles", ["bucc"])):
        found = ask("gains", given, tasks=tasks, targets=targets)
        assert found.verdict is Verdict.UNTESTABLE
        assert "needs the baseline" in found.why
        assert targets[0] in found.why


@pytest.mark.parametrize("event", [RunState.DIVERGED, RunState.COLLAPSED, RunState.SAME_DATA])
def test_failed_and_same_data_runs_are_excluded_and_named(event: str) -> None:
    gains = {("xnli", "mnli"): DOWN, ("tydiqa", "mnli"): UP}
    given = body(gains, states={("xnli", "mnli"): event})
    found = ask("gains", given, tasks="singles", targets=["xnli", "tydiqa"])
    assert found.verdict is Verdict.SUPPORTED
    assert ScopeGap("targets", 1, 2) in found.missing
    assert any("mnli is left out on xnli" in words for words in found.caveats)
    assert not any("xnli" in key for key in found.keys)
    alone = ask("gains", given, tasks="singles", targets=["xnli"])
    assert alone.verdict is Verdict.UNTESTABLE
    assert any("mnli is left out on xnli" in words for words in alone.caveats)


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
    given = body({("bucc", f"t{number}"): side for number, side in enumerate(sides)})
    params = {"tasks": "singles", "share": 0.9, "of": 12, "label": "all", "targets": ["bucc"]}
    found = ask("gains", given, **params)
    assert found.verdict is verdict
    assert ScopeGap("tasks", 10, 12) in found.missing
    assert found.measures[0].what == "all"
    assert found.measures[0].estimate.value == pytest.approx(np.mean(sides), abs=0.04)


@pytest.mark.parametrize(
    ("gains", "margin", "verdict"),
    [
        ((DOWN, DOWN), 1, Verdict.SUPPORTED),
        ((UP, DOWN), 20, Verdict.SUPPORTED),
        ((UP, DOWN), 1, Verdict.UNDECIDED),
        ((UP, UP), 1, Verdict.CONTRADICTED),
    ],
)
def test_no_gain_needs_an_interval_below_the_margin(
    gains: tuple[float, float], margin: float, verdict: Verdict
) -> None:
    """Gains of two settings, of which the mean is judged."""
    given = body({("xnli", "mnli"): gains[0], ("xnli", "qqp"): gains[1]})
    found = ask("no-gain", given, tasks="singles", targets=["xnli"], margin=margin)
    assert found.verdict is verdict


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
    given = body({("xnli", name): gain for name, gain in zip(names, gains, strict=True)})
    tasks = {name: [name] for name in names}
    found = ask("order", given, tasks=tasks, targets=["xnli"])
    assert found.verdict is verdict
    assert (found.support > 0.9) == (verdict is Verdict.SUPPORTED)
    alone = body({("xnli", "mnli"): UP})
    assert ask("order", alone, tasks=tasks, targets=["xnli"]).verdict is Verdict.UNTESTABLE


@pytest.mark.parametrize(
    ("mixture", "verdict", "rank"),
    [
        (0.3, Verdict.SUPPORTED, 1),
        (0.15, Verdict.UNDECIDED, None),
        (0.0, Verdict.CONTRADICTED, 3),
    ],
)
def test_a_claimed_best_setting_is_judged(
    mixture: float, verdict: Verdict, rank: int | None
) -> None:
    gains = {("xnli", "mnli"): 0.15, ("xnli", "qqp"): 0.15, ("xnli", "mnli+qqp"): mixture}
    found = ask("best", body(gains), tasks="mixture", of=9, targets=["xnli"])
    assert found.verdict is verdict
    assert rank is None or f"mnli+qqp is rank {rank} of 3" in found.why
    assert ScopeGap("tasks in the mixture", 2, 9) in found.missing
    singles = body({("xnli", "mnli"): UP})
    assert ask("best", singles, tasks="mixture", targets=["xnli"]).verdict is Verdict.UNTESTABLE


@pytest.mark.parametrize("verdict", SIDES)
def test_a_difference_between_targets_is_judged(verdict: Verdict) -> None:
    gains = {("tydiqa", "mnli"): 0.2 + SIDES[verdict], ("xnli", "mnli"): 0.2}
    params = {"tasks": "singles", "more": "tydiqa", "less": "xnli"}
    assert ask("targets-differ", body(gains), **params).verdict is verdict
    assert ask("targets-differ", body({("xnli", "mnli"): UP}), **params).verdict.startswith("not")


@pytest.mark.parametrize(("variant", "name"), [("text", "mnli+text"), ("languages", "mnli@de")])
@pytest.mark.parametrize("verdict", SIDES)
def test_plain_english_training_is_compared_with_its_variants(
    variant: str, name: str, verdict: Verdict
) -> None:
    given = body({("xnli", "mnli"): 0.1 + SIDES[verdict], ("xnli", name): 0.1})
    found = ask("plain-over", given, variant=variant, targets=["xnli"])
    assert found.verdict is verdict
    assert found.measures[0].of == f"mnli over {name}"
    other = {"text": "languages", "languages": "text"}[variant]
    assert ask("plain-over", given, variant=other, targets=["xnli"]).verdict.startswith("not")


@pytest.mark.parametrize("verdict", SIDES)
def test_selections_on_dev_are_judged_and_those_on_test_excluded(verdict: Verdict) -> None:
    given = body({("xnli", "mnli"): SIDES[verdict], ("bucc", "mnli"): UP})
    best = pd.DataFrame(
        {
            "target": ["xnli", "bucc"],
            "intermediate": "mnli",
            "how": ["dev", "test"],
            "english": True,
        }
    )
    found = ask("selection", replace(given, best=best), targets=["xnli", "bucc"], label="best")
    assert found.verdict is verdict
    assert ScopeGap("targets", 1, 2) in found.missing
    assert any("only test scores could select: bucc" in words for words in found.caveats)
    assert ask("selection", given, targets=["xnli"]).verdict is Verdict.UNTESTABLE


def test_setup_checks_hold_fully_partly_or_not() -> None:
    full = body({("xnli", "mnli"): UP, ("xnli", "squad-v1"): UP, ("xnli", "mnli+squad-v1"): UP})
    plain = body({("xnli", "none"): 0.0}, encoder="other")
    supported, undecided, contradicted = SIDES
    for name, params, verdict, without in (
        ("encoder", {"names": [full.encoder]}, supported, contradicted),
        ("phases", {"baseline": True}, supported, supported),
        ("phases", {"intermediate": True}, supported, contradicted),
        ("phases", {"encoders": ["xlm-r"], "baseline": True}, supported, undecided),
        ("multitask", {}, supported, contradicted),
        ("multitask", {"of": 9}, undecided, contradicted),
        ("tasks", {"count": 2}, supported, contradicted),
        ("tasks", {"count": 3}, undecided, contradicted),
        ("covers", {"kinds": {"a": ["mnli"], "b": ["format span"]}}, supported, contradicted),
        ("covers", {"kinds": {"a": ["mnli"], "c": ["qqp"]}}, undecided, contradicted),
        ("languages", {"targets": ["xnli"], "count": 3}, supported, supported),
        ("languages", {"targets": ["xnli", "bucc"], "count": 3}, undecided, undecided),
    ):
        assert ask(name, full, **params).verdict is verdict, (name, params)
        assert ask(name, plain, **params).verdict is without, (name, params)


def test_setup_checks_need_scores() -> None:
    full = body({("xnli", "mnli"): UP, ("xnli", "mnli+squad-v1"): UP})
    unscored = replace(full, frame=full.frame.assign(value=np.nan))
    for name, params in (
        ("encoder", {"names": [full.encoder]}),
        ("phases", {"baseline": True}),
        ("multitask", {}),
        ("tasks", {"count": 1}),
        ("covers", {"kinds": {"a": ["mnli"]}}),
        ("languages", {"targets": ["xnli"], "count": 3}),
    ):
        assert ask(name, unscored, **params).verdict is Verdict.UNTESTABLE, name
    mixed = full.frame["intermediate"] == "mnli+squad-v1"
    half = replace(full, frame=full.frame.assign(value=full.frame["value"].mask(mixed)))
    assert ask("multitask", half).verdict is Verdict.CONTRADICTED
    span = {"kinds": {"a": ["format span"]}}
    assert ask("covers", half, **span).verdict is Verdict.CONTRADICTED
    assert ask("covers", full, **span).verdict is Verdict.SUPPORTED


def test_effects_with_one_name_have_a_line_each() -> None:
    listed = [one for one in load_claims() if one.claim.id == "C1"]
    (one,) = judge(listed, [body({("xnli", "mnli"): UP, ("tydiqa", "mnli"): UP})])
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
        effects = [BootstrapEffect(one, generator.normal(one, 1, (400, 1)), 9) for one in noise]
        wrong += decide(effects, 0.1).verdict is Verdict.SUPPORTED
        assert decide(effects).verdict is not Verdict.SUPPORTED
    assert wrong <= 10


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
    (one,) = judged(tmp_path, body({("xnli", "mnli"): UP}))
    assert (one.verdict, one.scope) == (Verdict.SUPPORTED, ScopeMatch.WHOLE)
    assert one.confidence > 0.99
    (line,) = lines(one)
    assert (line.what, line.published) == ("MNLI", "+3.0")
    assert line.measured.startswith("+")
    row = readable([one]).iloc[0]
    assert (row["id"], row["published"], row["verdict"]) == ("X1", "+3.0", "supported")


def test_confidence_refers_to_the_verdict(tmp_path: Path) -> None:
    (down,) = judged(tmp_path, body({("xnli", "mnli"): DOWN}))
    assert down.verdict is Verdict.CONTRADICTED
    assert down.confidence > 0.99 > 0.01 > down.favour
    (flat,) = judged(tmp_path, body({("xnli", "mnli"): NONE_}))
    assert math.isnan(flat.confidence)
    assert 0 < flat.favour < 1


def test_each_encoder_is_judged_separately(tmp_path: Path) -> None:
    theirs, ours = body({("xnli", "mnli"): UP}), body({("xnli", "mnli"): DOWN}, encoder="small")
    first, second = judged(tmp_path, theirs, ours)
    assert (first.verdict, second.verdict) == (Verdict.SUPPORTED, Verdict.CONTRADICTED)
    assert (first.scope, second.scope) == (ScopeMatch.WHOLE, ScopeMatch.PART)
    assert second.judged_on == "small, not xlm-roberta-large"
    without = body({("bucc", "qqp"): UP})
    (alone,) = judged(tmp_path, without, theirs)
    assert alone.verdict is Verdict.SUPPORTED


def test_one_contradiction_is_enough_and_a_needed_check_must_be_testable(tmp_path: Path) -> None:
    more = "      - {check: gains, tasks: {QQP: [qqp]}, targets: [xnli]NEEDED}\n"
    up, both = {("xnli", "mnli"): UP}, {("xnli", "mnli"): UP, ("xnli", "qqp"): DOWN}
    for gains, needed, verdict in (
        (up, "", Verdict.UNDECIDED),
        (up, ", needed: true", Verdict.UNTESTABLE),
        (both, "", Verdict.CONTRADICTED),
    ):
        text = CLAIM + more.replace("NEEDED", needed)
        (one,) = judged(tmp_path, body(gains), text=text)
        assert one.verdict is verdict
        assert ("not tested: gains" in one.judged_on) == (gains is up)


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("check: gains", "check: gain", 11, "did you mean 'gains'"),
        ("check: gains, ", "", 11, "names no check"),
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
    found = judge(listed, [body({("toy", "toy-same"): UP})])
    assert {one.verdict for one in found if one.claim.kind != ("setting",)} == {Verdict.UNTESTABLE}


def test_gains_alone_do_not_support_a_claim_that_also_ranks() -> None:
    listed = [one for one in load_claims() if one.claim.id == "C1"]
    (one,) = judge(listed, [body({("xnli", "mnli"): UP, ("tydiqa", "mnli"): UP})])
    assert one.verdict is Verdict.UNDECIDED
    assert "not tested: order" in one.judged_on
    assert "not tested: how many points are many" in one.judged_on
    few = judge(load_claims(), [body({("bucc", "mnli"): UP})])
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
    (one,) = judged(tmp_path, body({("xnli", "mnli"): UP, ("xnli", "qqp"): UP}), text=text)
    assert "1 of 3 tasks" in one.judged_on
    assert "2 of 3 tasks" not in one.judged_on


def test_the_judged_layer_is_named() -> None:
    given = replace(body({("tatoeba", "mnli"): UP}), ways={"tatoeba": "tatoeba (layer 8, mean)"})
    found = ask("gains", given, tasks="singles", targets=["tatoeba"])
    assert any("judged: tatoeba (layer 8, mean)" in words for words in found.caveats)


def test_the_claims_text_on_planted_results_equals_the_golden_text(tmp_path: Path) -> None:
    names = ("squad-v1", "mnli", "hellaswag", "qqp", "squad-v1+mnli", "mnli+text", "mnli@de")
    sizes = dict(zip(names, (0.4, 0.3, 0.2, 0.1, 0.5, 0.0, 0.0), strict=True))
    gains = {(at, name): size for at in ("tydiqa", "bucc") for name, size in sizes.items()}
    gains |= {("xnli", name): -0.05 for name in names}
    found = judge(load_claims(), [body(gains, encoder="small")])
    verdicts = {one.claim.id: one.verdict for one in found}
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
