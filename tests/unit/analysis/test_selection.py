"""The best setting per target is selected on dev and never on test."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from xstilts.analysis.gains import compute_gains
from xstilts.analysis.held_out_selection import HeldOutSelection, select_by_other_seeds
from xstilts.analysis.results import results_frame
from xstilts.analysis.run_states import NO_STATES, RunState
from xstilts.analysis.selection import (
    BEST,
    SelectedBy,
    chosen_results,
    select_settings,
    selection_table,
)
from xstilts.core.plan import Plan
from xstilts.core.stage import Stage
from xstilts.core.store import Store
from xstilts.planning.compile import CompiledPlan, ResultCell
from xstilts.stages.io.rows import PREDICTIONS, write_rows
from xstilts.stages.prepare import ROWS

METRIC = {"classification": "accuracy", "mining": "mining_f1", "retrieval": "tatoeba_accuracy"}


@dataclass
class Study:
    """An experiment as it lies in a store, written down number by number."""

    store: Store
    stages: list[Stage] = field(default_factory=list)
    cells: list[ResultCell] = field(default_factory=list)

    def stage(
        self,
        kind: str,
        params: Mapping[str, Any],
        facts: Mapping[str, Any] | None,
        inputs: Mapping[str, str] | None = None,
        rows: tuple[str, list[dict[str, Any]]] | None = None,
    ) -> str:
        """A stage; without facts it has not run."""
        stage = Stage(kind, 1, params, inputs or {})
        if facts is not None and not self.store.has(stage.key):
            with self.store.staging(stage.key) as folder:
                if rows:
                    write_rows(folder / rows[0], rows[1])
                self.store.publish(stage, folder, facts, {})
        self.stages.append(stage)
        return stage.key

    def train(self, setting: str, target: str, seed: int, **facts: Any) -> str:
        """A training of phase 3."""
        params = {"setting": setting, "target": target, "seed": seed}
        return self.stage("train", params, facts or None)

    def cell(
        self,
        setting: str,
        target: str,
        language: str,
        value: float | None,
        *,
        seed: int = 0,
        split: str = "test",
        kind: str = "classification",
        trained: tuple[str, ...] = (),
        inputs: Mapping[str, str] | None = None,
    ) -> None:
        """A score; without a value it is not there yet."""
        metric = METRIC[kind]
        place = [setting, target, language, seed]
        facts = None if value is None else {"scores": {metric: {"value": value, "n": 10}}}
        key = self.stage("score", {"format": kind, "place": place}, facts, inputs)
        self.cells.append(
            ResultCell("e", setting, target, language, split, seed, (metric,), key, trained, False)
        )

    def best(self, candidates: list[str] | None = None, *, english: bool = True) -> pd.DataFrame:
        """The choices, by target."""
        compiled = CompiledPlan(Plan.of(self.stages), tuple(self.cells))
        frame = results_frame(self.cells, self.store)
        gains = compute_gains(frame, compiled.cells)
        found = selection_table(select_settings(compiled, self.store, frame, gains, candidates))
        return found[found["english"] == english].set_index("target")


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return Study(Store(tmp_path / "store").prepare())


def xnli(study: Study, devs: Mapping[str, list[float]], scores: Mapping[str, list[float]]) -> None:
    """`devs` by setting and seed; `scores` by setting for English and German, of every seed."""
    for setting, found in devs.items():
        for seed, dev in enumerate(found):
            trained = study.train(setting, "xnli", seed, dev_mean=dev)
            for code, value in zip(("en", "de"), scores[setting], strict=True):
                study.cell(setting, "xnli", code, value, seed=seed, trained=(trained,))


def test_settings_are_selected_on_dev_and_not_on_test(study: Study) -> None:
    devs = {"none": [0.1, 0.1], "a": [0.5, 0.7], "b": [0.8, 0.2]}
    xnli(study, devs, {"none": [0.5, 0.4], "a": [0.6, 0.3], "b": [0.9, 0.9]})
    row = study.best().loc["xnli"]
    assert (row["intermediate"], row["selected_by"], row["metric"]) == ("a", "dev", "accuracy")
    assert row[["dev", "score", "baseline", "gain"]].tolist() == pytest.approx([0.6, 0.45, 0.45, 0])
    row = study.best(english=False).loc["xnli"]
    assert row[["score", "baseline", "gain"]].tolist() == pytest.approx([0.3, 0.4, -0.1])
    assert (row["languages"], row["states"]) == (1, NO_STATES)


def test_each_seed_has_the_setting_that_the_dev_scores_of_the_others_select(study: Study) -> None:
    devs = {"none": [1.0, 1.0, 1.0], "a": [0.9, 0.1, 0.2], "b": [0.3, 0.4, 0.3]}
    xnli(study, devs, {setting: [0.5, 0.4] for setting in devs})
    failed = study.train("c", "xnli", 0, dev_mean=1.0, collapsed=True)
    study.cell("c", "xnli", "de", 0.9, trained=(failed,))
    study.cell("a", "tatoeba", "de", 0.9, kind="retrieval")
    compiled = CompiledPlan(Plan.of(study.stages), tuple(study.cells))
    assert select_by_other_seeds(compiled, study.store, {"a", "b", "c"}) == [
        HeldOutSelection("xnli", SelectedBy.DEV, {0: "b", 1: "a", 2: "a"}),
        HeldOutSelection("tatoeba", SelectedBy.TEST, {}),
    ]


def test_the_baseline_is_selected_where_no_setting_does_better_on_dev(study: Study) -> None:
    xnli(study, {"none": [0.9], "a": [0.9]}, {"none": [0.5, 0.4], "a": [0.6, 0.3]})
    row = study.best().loc["xnli"]
    assert (row["intermediate"], row["selected_by"], row["gain"]) == ("none", "dev", 0)
    assert study.best(["a"]).loc["xnli", "intermediate"] == "a"
    assert study.best([]).empty


def test_no_baseline_gives_a_score_and_no_gain(study: Study) -> None:
    xnli(study, {"a": [0.5]}, {"a": [0.6, 0.3]})
    row = study.best().loc["xnli"]
    assert row["score"] == pytest.approx(0.45)
    assert math.isnan(row["gain"])


@pytest.mark.parametrize("event", [{"diverged": "at step 3"}, {"dev_mean": 1.0, "collapsed": True}])
def test_a_failed_run_is_not_selected(study: Study, event: dict[str, Any]) -> None:
    xnli(study, {"none": [0.1], "a": [0.2]}, {"none": [0.5, 0.4], "a": [0.6, 0.3]})
    for seed, facts in enumerate(({"dev_mean": 1.0}, event)):
        trained = study.train("b", "xnli", seed, **facts)
        study.cell("b", "xnli", "de", 1.0, seed=seed, trained=(trained,))
    row = study.best().loc["xnli"]
    assert (row["intermediate"], row["states"]) == ("a", NO_STATES)


def test_untrained_settings_make_the_selection_partial(study: Study) -> None:
    xnli(study, {"none": [0.1], "a": [0.2]}, {"none": [0.5, 0.4], "a": [0.6, 0.3]})
    study.cell("b", "xnli", "de", None, trained=(study.train("b", "xnli", 0),))
    row = study.best().loc["xnli"]
    assert (row["intermediate"], row["states"]) == ("a", {RunState.PARTIAL})
    assert study.best(["b"]).empty


def test_a_missing_score_keeps_the_selection_and_is_noted(study: Study) -> None:
    devs = {"none": [0.1], "a": [0.2]}
    xnli(study, devs, {"none": [0.5, 0.4], "a": [0.6, 0.3]})
    study.cell("a", "xnli", "sw", None, trained=(study.train("a", "xnli", 0, dev_mean=0.2),))
    row = study.best().loc["xnli"]
    assert (row["intermediate"], row["languages"], row["states"]) == ("a", 2, {RunState.PARTIAL})


def test_a_setting_with_an_undefined_score_on_test_is_not_selected_by_it(study: Study) -> None:
    scores = {"none": (0.8, 0.4), "a": (0.82, math.nan), "b": (0.81, 0.6)}
    for setting, own in scores.items():
        for code, value in zip(("de", "sw"), own, strict=True):
            study.cell(setting, "tatoeba", code, value, kind="retrieval")
    row = study.best().loc["tatoeba"]
    assert (row["intermediate"], row["selected_by"], row["languages"]) == ("b", "test", 2)
    assert row[["score", "baseline", "gain"]].tolist() == pytest.approx([0.705, 0.6, 0.105])


def test_a_setting_with_an_undefined_dev_score_is_not_selected(study: Study) -> None:
    devs, same = {"a": [math.nan], "none": [0.1]}, [0.5, 0.4]
    xnli(study, devs, {"a": same, "none": same})
    assert study.best().loc["xnli", "intermediate"] == "none"


def test_a_selected_setting_with_an_undefined_score_has_no_mean(study: Study) -> None:
    xnli(study, {"none": [0.1], "a": [0.2]}, {"none": [0.5, 0.4], "a": [0.6, math.nan]})
    row = study.best().loc["xnli"]
    assert (row["intermediate"], row["languages"]) == ("a", 2)
    assert math.isnan(row["score"])


def retrieval(study: Study, scores: Mapping[str, tuple[float, float]], *, split: str) -> None:
    """Scores of BUCC (German) and Tatoeba (Finnish) by setting."""
    for setting, (bucc, tatoeba) in scores.items():
        study.cell(setting, "bucc", "de", bucc, split=split, kind="mining")
        study.cell(setting, "tatoeba", "fi", tatoeba, kind="retrieval")


SCORES = {"none": (0.3, 0.3), "a": (0.6, 0.2), "b": (0.4, 0.7)}


def test_evaluation_on_bucc_dev_is_marked_and_tatoeba_uses_its_selection(study: Study) -> None:
    retrieval(study, SCORES, split="dev[20%:]")
    found = study.best()
    assert found["intermediate"].to_dict() == {"bucc": "a", "tatoeba": "a"}
    assert found["selected_by"].to_dict() == {"bucc": "test", "tatoeba": "bucc"}
    assert math.isnan(found.loc["bucc", "dev"])
    assert found.loc["tatoeba", ["dev", "score", "gain"]].tolist() == pytest.approx(
        [0.6, 0.2, -0.1]
    )


def test_selection_without_dev_is_marked_as_on_test(study: Study) -> None:
    retrieval(study, SCORES, split="test")
    found = study.best()
    assert found["selected_by"].to_dict() == {"bucc": "test", "tatoeba": "test"}
    assert found["intermediate"].to_dict() == {"bucc": "a", "tatoeba": "b"}


def test_layers_and_poolings_are_selected_separately(study: Study) -> None:
    for layer, (ours, theirs) in enumerate([(0.9, 0.1), (0.1, 0.9)]):
        for setting, value in (("a", ours), ("b", theirs)):
            what = f"(layer {layer}, mean)"
            study.cell(setting, f"bucc {what}", "de", value, split="dev", kind="mining")
            study.cell(setting, f"tatoeba {what}", "fi", 0.5, kind="retrieval")
    found = study.best()["intermediate"]
    assert [found[f"tatoeba (layer {layer}, mean)"] for layer in (0, 1)] == ["a", "b"]


def test_bucc_on_test_is_selected_by_mining_on_dev(study: Study) -> None:
    """Two dev pairs; `a` mines one right and one wrong, the wrong one first; `b` both."""
    gold = [{"id": f"de-{n}", "meaning": f"en-{n}"} for n in range(2)]
    rows = study.stage("prepare", {}, {}, rows=(ROWS, gold))
    there = [{"id": f"en-{number}", "text": "x", "meaning": ""} for number in (0, 1, 9)]
    english = study.stage("prepare", {"side": "english"}, {}, rows=("rows.parquet", there))
    mined = {"none": [("de-0", "en-9", 1.0)], "a": [("de-0", "en-9", 2.0), ("de-1", "en-1", 1.0)]}
    mined["b"] = [("de-0", "en-0", 2.0), ("de-1", "en-1", 1.0)]
    for setting, pairs in mined.items():
        table = [
            {"id": name, "prediction": other, "score": score, "repeated": False}
            for name, other, score in pairs
        ]
        found = study.stage("mine", {"setting": setting}, {}, rows=(PREDICTIONS, table))
        inputs = {
            "tuning:rows:here": rows,
            "tuning:rows:english": english,
            "tuning:predictions": found,
        }
        on_test = {"none": 0.1, "a": 0.9, "b": 0.2}[setting]
        study.cell(setting, "bucc", "de", on_test, kind="mining", inputs=inputs)
    row = study.best().loc["bucc"]
    assert (row["intermediate"], row["selected_by"], row["dev"]) == ("b", "dev", 1.0)
    assert row["gain"] == pytest.approx(0.1)
    assert study.best(["a"]).loc["bucc", "dev"] == pytest.approx(0.5)  # 1 of 2, 1 of 2


def test_selected_results_come_from_one_setting(study: Study) -> None:
    xnli(study, {"none": [0.1], "a": [0.2]}, {"none": [0.5, 0.4], "a": [0.6, 0.3]})
    retrieval(study, SCORES, split="test")
    compiled = CompiledPlan(Plan.of(study.stages), tuple(study.cells))
    frame = results_frame(study.cells, study.store)
    gains = compute_gains(frame, compiled.cells)
    found = chosen_results(frame, select_settings(compiled, study.store, frame, gains))
    assert list(found.columns) == list(frame.columns)
    assert set(found["intermediate"]) == {BEST}
    values = found.set_index(["target", "language"])["value"].to_dict()
    assert values == {
        ("xnli", "en"): 0.6,
        ("xnli", "de"): 0.3,
        ("bucc", "de"): 0.6,
        ("tatoeba", "fi"): 0.7,
    }


def test_selection_works_on_a_store_of_real_runs(small: Any, finished: Path) -> None:
    import xstilts

    found = xstilts.best(small, finished, candidates=["toy-same"]).set_index(["target", "english"])
    chosen = found.loc[("toy-kind", True)]
    label = "train toy-kind after toy-same seed 0"
    plan = xstilts.plan(small, finished).compiled.plan
    key = next(stage.key for stage in plan.stages if stage.label == label)
    assert chosen["dev"] == Store(finished).artifact(key).facts["dev_mean"]
    assert (chosen["intermediate"], chosen["selected_by"]) == ("toy-same", "dev")
    gain = (
        xstilts.gains(small, finished).set_index(["target", "main"]).loc[("toy-kind", True), "gain"]
    )
    assert found.loc[("toy-kind", False), "gain"] == pytest.approx(gain)
    assert found.loc[("toy-search", True), "selected_by"] == "test"
