"""The study `multimodal`: what was measured, in which form, and what is found in it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace

import pandas as pd
import pytest

from xstilts.analysis.mixed_runs import Aspect, MixedRuns
from xstilts.analysis.run_states import RunState
from xstilts.planning.compile import ResultCell
from xstilts.planning.target_name import TRANSLATE_TEST, TargetName, shots
from xstilts.studies.base import OWN, Answer
from xstilts.studies.multimodal import NO_TARGET, STUDY, answered, form_of, is_nli
from xstilts.tasks import TASKS
from xstilts.testing.answers import estimate_of, table_of
from xstilts.testing.planted import Planted, experiment, with_state

NLI = ("mnli", "sick", "anli", "rte")
OTHERS = ("qqp", "ccg", "squad-v1", "piqa")
LOADED = experiment(("none", *NLI, "snli", *OTHERS, "mnli+qqp"), ("xvnli", "xnli"))
STATES = {("snli", "xvnli"): RunState.SAME_DATA}


def answer_of(
    gain: Callable[[str, str], float],
    states: Mapping[tuple[str, str], RunState] = STATES,
    seeds: int = 5,
    draws: int = 1_000,
) -> Answer:
    one = Planted(LOADED, gain, states=states, seeds=range(seeds))
    outcomes = one.outcomes()
    return answered(one.evidence(outcomes), outcomes, draws=draws)


def test_the_form_of_the_target_is_named() -> None:
    assert "text alone" in form_of(TASKS.get("xvnli"))
    assert form_of(TASKS.get("xnli")) == ""
    seeing = replace(TASKS.get("xvnli"), modalities=("text", "image"), missing_modalities=())
    assert form_of(seeing) == "image and text"
    assert [name for name in (*NLI, *OTHERS) if is_nli(TASKS.get(name))] == list(NLI)
    one = Planted(experiment(("none", "mnli"), ("xnli",)), lambda _s, _t: 0.0)
    assert STUDY.answer(one.evidence()).summary == NO_TARGET


def test_mixed_runs_are_noted_for_their_target(monkeypatch: pytest.MonkeyPatch) -> None:
    def mixed(*_: object) -> tuple[MixedRuns, ...]:
        groups = {("e", "mnli", "xvnli"), ("e", "mnli+qqp", "xvnli"), ("e", "mnli", "xnli")}
        values = frozenset({"CPU", "H100"})
        return (MixedRuns(Aspect.DEVICE, dict.fromkeys(sorted(groups), values), "and its", "and"),)

    monkeypatch.setattr("xstilts.studies.multimodal.mixed_gains", mixed)
    caveats = answer_of(lambda _s, _t: 0.0, seeds=2).caveats
    (note,) = (text for text in caveats if "different kinds of device" in text)
    assert note.startswith("xvnli after mnli, xvnli after mnli+qqp and were")


def test_inference_that_carries_over_is_significant() -> None:
    answer = answer_of(lambda setting, _: 0.12 * (setting in (*NLI, "snli")))
    assert "text alone" in answer.summary
    assert (
        estimate_of(answer, "xvnli-inference").low
        < 12
        < estimate_of(answer, "xvnli-inference").high
    )
    assert estimate_of(answer, "xvnli-versus").significant
    assert estimate_of(answer, "xvnli-after-mnli").significant
    languages = next(one.text for one in answer.findings if one.name == "xvnli-languages")
    assert "of 12, 12 significantly above zero and 0 below" in languages
    assert any("evaluated on text alone" in text for text in answer.caveats)
    assert any("snli is left out on xvnli: it contains" in text for text in answer.caveats)


def test_large_gains_are_significant_in_each_of_many_languages() -> None:
    """With 200 draws the smallest p of four tasks in three languages would be 12 · 2 / 201."""
    answer = answer_of(lambda setting, _: 0.4 * (setting in NLI), draws=200)
    languages = next(one.text for one in answer.findings if one.name == "xvnli-languages")
    assert "of 12, 12 significantly above zero" in languages


def test_no_gain_of_one_seed_is_significant() -> None:
    answer = answer_of(lambda setting, _: 0.12 * (setting in (*NLI, "snli")), seeds=1)
    for name in ("xvnli-inference", "xvnli-after-mnli", "xvnli-versus"):
        assert math.isnan(estimate_of(answer, name).p)
    assert "significant (" not in answer.summary
    assert "one seed" in answer.summary


def test_single_runs_are_paired_with_the_baseline_of_their_seed() -> None:
    one = Planted(LOADED, lambda setting, _: 0.1 * (setting == "mnli"), states=STATES)
    outcomes = [each for each in one.outcomes() if each.target == "xvnli"]
    answer = answered(one.evidence(outcomes), outcomes, draws=50)
    table = next(table.frame for table in answer.tables if table.name == "xvnli-answers")
    assert set(table["intermediate"]) == set(NLI)  # snli holds the target's data
    assert len(table) == len(NLI) * 3 * 2
    hits = {
        (each.intermediate, each.language, each.seed): each.statistics[:, 0] for each in outcomes
    }
    rows = table.set_index(["intermediate", "language", "seed"])
    ours, theirs = hits["mnli", "fi", 1], hits["none", "fi", 1]
    row = rows.loc[("mnli", "fi", 1)]
    assert row["gained"] == sum(ours > theirs)
    assert row["lost"] == sum(ours < theirs)
    assert row["difference"] == pytest.approx(100 * (ours.mean() - theirs.mean()))
    assert (table[table["intermediate"] == "mnli"]["p_holm"] < 0.05).all()
    assert (rows["q"] <= rows["p_holm"]).all()
    text = next(one.text for one in answer.findings if one.name == "xvnli-answers")
    assert "of 24, 6 have more right answers and 0 fewer" in text


@pytest.mark.parametrize("seeds", [1, 2])
def test_no_single_run_is_called_significant(seeds: int) -> None:
    """Its p value is over examples, however small it is."""
    answer = answer_of(lambda setting, _: 0.12 * (setting in NLI), seeds=seeds)
    text = next(one.text for one in answer.findings if one.name == "xvnli-answers")
    assert "over examples alone" in text
    assert "significance over seeds is not tested" in text
    assert "significantly" not in text


def runs_tested(states: Mapping[tuple[str, str], RunState]) -> set[str]:
    """The settings that the table of answers has runs of."""
    answer = answer_of(lambda _s, _t: 0.0, states)
    return set(next(t.frame for t in answer.tables if t.name == "xvnli-answers")["intermediate"])


@pytest.mark.parametrize("state", [RunState.DIVERGED, RunState.COLLAPSED])
def test_single_runs_of_excluded_settings_are_not_tested(state: RunState) -> None:
    assert runs_tested({**STATES, ("rte", "xvnli"): state}) == set(NLI) - {"rte"}


def test_no_single_run_is_tested_against_a_collapsed_baseline() -> None:
    assert runs_tested({**STATES, ("none", "xvnli"): RunState.COLLAPSED}) == set()


def test_languages_that_share_their_examples_add_no_certainty() -> None:
    """Every language gets the answers of one: three of them must not narrow the interval."""
    one = Planted(LOADED, lambda setting, _: 0.02 * (setting in NLI), states=STATES)
    drawn = [each for each in one.outcomes() if each.target == "xvnli"]
    first = {(each.intermediate, each.seed): each for each in drawn if each.language == "de"}
    ids = tuple(map(str, range(one.n)))
    alike = [
        replace(each, ids=ids, statistics=first[each.intermediate, each.seed].statistics)
        for each in drawn
    ]
    whole = estimate_of(answered(one.evidence(alike), alike, draws=500), "xvnli-inference")
    alone = Planted(LOADED, one.gain, states=STATES, languages=("en", "de"))
    german = [each for each in alike if each.language in alone.languages]
    single = estimate_of(answered(alone.evidence(german), german, draws=500), "xvnli-inference")
    assert (whole.value, whole.low, whole.high) == pytest.approx(
        (single.value, single.low, single.high)
    )
    assert whole.high - whole.low > 1
    assert whole.n == 3 * one.n


def test_null_effects_are_not_significant() -> None:
    answer = answer_of(lambda _s, _t: 0.0)
    runs = next(one.text for one in answer.findings if one.name == "xvnli-answers")
    assert "0 have more right answers and 0 fewer" in runs
    assert "80 % power from" in runs
    assert not estimate_of(answer, "xvnli-inference").significant
    assert not estimate_of(answer, "xvnli-versus").significant
    assert not estimate_of(answer, "xvnli-after-sick").significant


def test_tables_and_figure_have_every_setting_and_language() -> None:
    answer = answer_of(lambda _s, _t: 0.0, {**STATES, ("rte", "xvnli"): RunState.DIVERGED})
    tables = {table.name: table.frame for table in answer.tables}
    groups = tables["xvnli-settings"].set_index("intermediate")["group"]
    assert groups["mnli"] == groups["snli"] == "inference"
    assert groups["mnli+qqp"] == "mixture"
    assert groups["qqp"] == "other"
    shown = tables["xvnli-languages"]
    assert set(shown["language"]) == {"de", "fi", "sw"}
    assert shown[shown["intermediate"] == "rte"]["gain"].isna().all()
    (figure,) = answer.figures
    assert figure.ticks == ("de", "fi", "sw")
    assert [series.name for series in figure.series] == ["inference tasks", "other tasks"]
    gains = shown[
        shown["intermediate"].isin(["mnli", "sick", "anli"]) & (shown["language"] == "fi")
    ]
    assert figure.series[0].y[1] == pytest.approx(gains["gain"].mean())
    assert estimate_of(answer, "xvnli-after-rte").note == RunState.DIVERGED


def test_no_scores_are_not_enough_data() -> None:
    missing = frozenset((name, "xvnli") for name in LOADED.experiment.intermediate)
    one = Planted(LOADED, lambda _s, _t: 0.0, missing=missing)
    answer = answered(one.evidence(), [], draws=50)
    assert "not enough data (no inference task has all of its scores)" in answer.summary
    assert answer.figures == ()
    assert all(one.estimate is None or math.isnan(one.estimate.value) for one in answer.findings)


class WithOtherEvaluations(Planted):
    """Every zero-shot run has one with four shots and one on translations."""

    def cells(self) -> tuple[ResultCell, ...]:
        """The zero-shot cells, then the others."""
        zero_shot = super().cells()
        return zero_shot + tuple(
            replace(cell, target=str(TargetName(cell.target, evaluation=how)), key=cell.key + how)
            for how in (shots(4), TRANSLATE_TEST)
            for cell in zero_shot
            if cell.language != "en"
        )


def test_few_shot_and_translated_runs_are_in_no_zero_shot_gain() -> None:
    """They gain 20 points more; the zero-shot runs are the same with and without them."""

    def gain(setting: str, target: str) -> float:
        return (0.02 + 0.2 * (target != "xvnli")) * (setting in NLI)

    loaded = experiment(("none", *NLI, *OTHERS), ("xvnli",), encoder="xlm-roberta-base")
    kinds = (
        Planted(loaded, gain, seeds=range(3)),
        WithOtherEvaluations(loaded, gain, seeds=range(3)),
    )
    outcomes = [one.outcomes() for one in kinds]
    alone, among = (
        answered(one.evidence(found), found, draws=300)
        for one, found in zip(kinds, outcomes, strict=True)
    )
    assert estimate_of(among, "xvnli-inference").value == pytest.approx(2, abs=1)
    for name in ("xvnli-inference", "xvnli-versus", "xvnli-after-mnli"):
        assert estimate_of(among, name) == estimate_of(alone, name)
    for name in ("xvnli-settings", "xvnli-languages", "xvnli-answers"):
        pd.testing.assert_frame_equal(table_of(among, name), table_of(alone, name))
    assert len(among.findings) == len(alone.findings)
    assert len(among.caveats) == len(alone.caveats) + 1  # other evaluations are left out


@pytest.mark.parametrize("lost", ["missing", "diverged"])
def test_a_setting_is_judged_in_a_language_with_all_of_its_runs(lost: str) -> None:
    """mnli helps in all languages, but one of its runs in German is missing or diverged."""
    loaded = experiment(("none", *NLI, *OTHERS), ("xvnli",))
    one = Planted(loaded, lambda setting, _: 0.15 * (setting == "mnli"), seeds=range(4))
    outcomes = [
        each
        for each in one.outcomes()
        if (each.intermediate, each.language, each.seed) != ("mnli", "de", 3)
    ]
    evidence = one.evidence(outcomes)
    frame = evidence.results[OWN]
    is_hit = (frame["intermediate"] == "mnli") & (frame["language"] == "de") & (frame["seed"] == 3)
    if lost == "missing":
        frame = frame[~is_hit]
    else:
        frame = with_state(frame, RunState.DIVERGED, is_hit)
        frame["value"] = frame["value"].where(~is_hit)
    found = answered(replace(evidence, results={OWN: frame}), outcomes, draws=300)
    rows = table_of(found, "xvnli-languages").set_index(["intermediate", "language"])
    overall = table_of(found, "xvnli-settings").set_index("intermediate")
    assert math.isnan(overall.loc["mnli", "p"])
    assert rows.loc["mnli", "p"].isna().all()
    assert rows.loc["mnli", "p_holm"].isna().all()
    assert rows.loc["mnli", "gain"].notna().all() == (lost == "missing")
    assert set(rows.loc["mnli", "note"]) == {overall.loc["mnli", "note"]}
    assert rows.loc["sick", "p"].notna().all()
