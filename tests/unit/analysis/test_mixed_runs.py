"""Compared runs that were computed in other precisions, on other devices or versions are noted."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from typer.testing import CliRunner

import xstilts
from xstilts.analysis.mixed_runs import (
    Aspect,
    MixedRuns,
    caveats_of,
    mixed_runs,
    restricted,
    with_mixed_runs,
)
from xstilts.api.handle import open_experiment
from xstilts.cli.app import app
from xstilts.config.load import LoadedExperiment
from xstilts.core.stage import Stage
from xstilts.core.store import Store
from xstilts.planning.compile import ResultCell
from xstilts.reports.sections import best_section
from xstilts.reports.study import answered, write_answer
from xstilts.reports.tables import MIXED, gain_meaning, readable
from xstilts.studies import STUDIES
from xstilts.studies.base import OWN
from xstilts.studies.study_plan import plan_study
from xstilts.testing.other_devices import record_gpu

ON_CPU = {"gpu": "", "versions": {"torch": "2.5.1+cpu"}, "notes": []}
ON_H100 = {
    "gpu": "H100",
    "versions": {"torch": "2.5.1+cu124"},
    "notes": ["computed in bf16", "resumed from step 5"],
}
BASE, SICK = ("none", 0), ("sick", 0)
Made = dict[tuple[str, int], dict[str, Any]]
"""(setting, seed) → the provenance of its training and prediction."""


def found(
    folder: Path, made: Made, recipe: dict[str, Any] | None = None, **facts: Any
) -> list[MixedRuns]:
    """The mixed runs of a target `t` after these settings."""
    store, cells = Store(folder / "store").prepare(), []
    for (setting, seed), provenance in made.items():
        params = {"setting": setting, "seed": seed, "recipe": recipe or {}}
        train = Stage("train", 1, params, {}, label="train")
        predict = Stage("predict", 1, {}, {"model": train.key}, label="predict")
        score = Stage("score", 1, {}, {"predictions": predict.key}, label="score")
        for stage in (train, predict, score):
            own = provenance if stage is not score else {}
            with store.staging(stage.key) as staged:
                store.publish(stage, staged, facts if stage is train else {}, own)
        run = "e", setting, "t", "de", "test", seed
        cells.append(ResultCell(*run, ("accuracy",), score.key, (train.key,), same_data=False))
    return mixed_runs(cells, "none", store)


def texts(mixed: list[MixedRuns]) -> list[str]:
    return [one.text.partition(":")[0] for one in mixed]


def test_each_kind_of_difference_is_one_sentence(tmp_path: Path) -> None:
    newer = {**ON_H100, "versions": {"torch": "2.6.0+cu124"}}
    mixed = found(tmp_path, {BASE: ON_CPU, SICK: newer, ("none", 1): ON_CPU, ("sick", 1): newer})
    assert texts(mixed) == [
        "t after sick and its baseline were computed in different precisions (bf16, fp32)",
        "t after sick and its baseline were computed on different kinds of device (CPU, H100)",
        "t after sick and its baseline were computed with different versions of torch (2.5, 2.6)",
    ]
    assert "set `precision: fp32` in their recipes" in mixed[0].text


def test_several_settings_are_one_sentence(tmp_path: Path) -> None:
    emulated = {**ON_H100, "notes": [], "gpu": "V100"}
    made = {(name, 0): emulated for name in "abcde"}
    mixed = found(tmp_path, {BASE: ON_CPU, **made})
    assert texts(mixed) == [
        "t after a, t after b, t after c, 2 more and their baselines were computed on different "
        "kinds of device (CPU, V100)"
    ]


def test_seeds_of_a_baseline_without_settings_are_compared(tmp_path: Path) -> None:
    mixed = found(tmp_path, {BASE: ON_CPU, ("none", 1): ON_H100})
    assert texts(mixed)[0] == (
        "the seeds of t without an intermediate task were computed in different precisions "
        "(bf16, fp32)"
    )


def test_seeds_of_a_setting_are_compared(tmp_path: Path) -> None:
    mixed = found(tmp_path, {SICK: ON_CPU, ("sick", 1): ON_H100})
    assert texts(mixed)[1] == (
        "the seeds of t after sick were computed on different kinds of device (CPU, H100)"
    )


OLDER_GPU = {"versions": {"torch": "2.5.1"}}


@pytest.mark.parametrize(
    ("baseline", "setting"),
    [
        (ON_CPU, ON_CPU),
        (ON_H100, ON_H100),
        (ON_CPU, {**ON_CPU, "versions": {"torch": "2.5.0+cpu"}}),
        (ON_CPU, {}),
        ({}, ON_H100),
        (ON_CPU, OLDER_GPU),
        (OLDER_GPU, ON_H100),
    ],
)
def test_like_runs_and_those_of_earlier_versions_have_no_note(
    tmp_path: Path, baseline: dict[str, Any], setting: dict[str, Any]
) -> None:
    assert found(tmp_path, {BASE: baseline, SICK: setting}) == []


def test_a_precision_that_the_experiment_chooses_has_no_note(tmp_path: Path) -> None:
    in_fp32 = {**ON_H100, "notes": []}
    assert found(tmp_path, {BASE: in_fp32, SICK: ON_H100}, {"precision": "bf16"}) == []


def test_a_retry_in_fp32_is_one_of_bf16(tmp_path: Path) -> None:
    retried = {**ON_H100, "notes": []}
    assert found(tmp_path, {BASE: retried, SICK: ON_H100}, first_attempt="diverged") == []


def rewrite(store: Path, experiment: LoadedExperiment, *settings: str) -> None:
    """Let the manifests of the settings' trainings be those of a GPU."""
    plan = open_experiment(experiment, store).compiled
    cells = (cell for cell in plan.cells if cell.intermediate in settings)
    record_gpu(store, {key for cell in cells for key in cell.trained_by})


PRECISIONS = "computed in different precisions (bf16, fp32)"
DEVICES = "computed on different kinds of device (CPU, H100)"


@pytest.fixture
def mixed_store(copied: Path, small: LoadedExperiment) -> Path:
    rewrite(copied, small, "toy-same")
    return copied


def words(toy_file: Path, store: Path) -> list[str]:
    changes = ("name=small", "seeds=[0]", "intermediate=[none, toy-same]")
    changes = (*changes, "targets=[toy-kind, toy-search]")
    options = [word for change in changes for word in ("--set", change)]
    return [str(toy_file), "--store", str(store), *options]


def output(*arguments: str) -> str:
    done = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_run_and_report_show_mixed_runs(toy_file: Path, mixed_store: Path, tmp_path: Path) -> None:
    given = words(toy_file, mixed_store)
    assert " ".join(output("run", *given).split()).count(DEVICES) == 1
    notes = json.loads(output("run", *given, "--json"))["notes"]
    assert [PRECISIONS in note for note in notes].count(True) == 1
    for form in ("html", "md", "latex"):
        out = tmp_path / f"report.{form}"
        printed = output("report", *given, "--json", "--format", form, "--out", str(out))
        assert any(DEVICES in note for note in json.loads(printed)["notes"])
        assert PRECISIONS in " ".join(out.read_text("utf-8").split())


@pytest.mark.parametrize("named", [True, False])
def test_results_show_mixed_runs(toy_file: Path, mixed_store: Path, named: bool) -> None:
    given = words(toy_file, mixed_store) if named else ["--store", str(mixed_store)]
    rows = json.loads(output("results", *given, "--json"))
    noted = {(row["intermediate"], row["target"]) for row in rows if PRECISIONS in row["note"]}
    assert noted == {("toy-same", "toy-kind")}  # toy-search has no training to compare with
    assert " ".join(output("results", *given, "--format", "table").split()).count(DEVICES) == 1


def table(store: Path, experiment: LoadedExperiment, form: str, folder: Path) -> pd.DataFrame:
    """The gain table in a file, or as `gains` returns it."""
    if form == "api":
        return xstilts.gains(experiment, store)
    path = xstilts.report(experiment, folder / f"gains.{form}", store, form=form)
    return pd.read_csv(path, keep_default_na=False) if form == "csv" else pd.read_parquet(path)


@pytest.mark.parametrize("form", ["api", "csv", "parquet"])
def test_tables_of_gains_have_a_column_of_mixed_runs(
    small: LoadedExperiment, finished: Path, mixed_store: Path, tmp_path: Path, form: str
) -> None:
    assert not any(table(finished, small, form, tmp_path)["mixed_runs"])
    mixed = table(mixed_store, small, form, tmp_path)
    for words in (PRECISIONS, DEVICES):
        noted = mixed.loc[[words in text for text in mixed["mixed_runs"]], "target"]
        assert set(noted) == {"toy-kind"}  # toy-search has no training to compare with
    assert set(mixed.loc[mixed["mixed_runs"] == "", "target"]) == {"toy-search"}


def test_tables_for_people_mark_gains_of_mixed_runs(
    small: LoadedExperiment, finished: Path, mixed_store: Path
) -> None:
    for store, words in ((finished, ["", ""]), (mixed_store, [MIXED, ""])):
        gains = xstilts.gains(small, store)
        assert list(readable(gains).set_index("target")["note"]) == words
        assert (f"{MIXED}:" in gain_meaning(gains)) == (store == mixed_store)


def test_a_note_on_one_gain_names_no_other(tmp_path: Path) -> None:
    mixed = found(tmp_path, {BASE: ON_CPU, **{(name, 0): ON_H100 for name in "abcde"}})
    rows = pd.DataFrame({"encoder": "e", "intermediate": ["none", "e"], "target": "t"})
    none, text = with_mixed_runs(rows, mixed)["mixed_runs"]
    assert none == ""
    assert text.startswith("t after e and its baseline were computed in different precisions")


MIXED_SICK = MixedRuns(
    Aspect.PRECISION,
    {("e", "sick", "t"): frozenset({"bf16", "fp32"})},
    "and its baseline",
    "and their baselines",
)


def test_caveats_are_one_sentence_for_each_aspect_and_are_restricted() -> None:
    other = replace(MIXED_SICK, groups={("e", "mnli", "u"): frozenset({"bf16", "tf32"})})
    device = replace(MIXED_SICK, aspect=Aspect.DEVICE)
    first, second = caveats_of([MIXED_SICK, other, device, MIXED_SICK])
    assert first.startswith("t after sick, u after mnli and their baselines ")
    assert "(bf16, fp32, tf32)" in first
    assert "devices" not in first
    assert "device" in second
    kept = restricted([MIXED_SICK, other], lambda _encoder, _setting, target: target == "u")
    assert kept == (other,)


@pytest.mark.parametrize("name", ["similarity", "difficulty", "reasoning"])
def test_studies_note_mixed_runs_of_their_gains(
    small: LoadedExperiment, finished: Path, mixed_store: Path, name: str
) -> None:
    study = STUDIES.get(name)
    for store, expected in ((finished, 0), (mixed_store, 1)):
        answer = study.answer(plan_study(study, small).evidence(Store(store)))
        assert [DEVICES in text for text in answer.caveats].count(True) == expected
        assert [PRECISIONS in text for text in answer.caveats].count(True) == expected


@pytest.mark.parametrize("settings", [["toy-same"], ["none", "toy-same"]])
def test_an_answer_is_outdated_if_its_runs_have_become_mixed(
    small: LoadedExperiment, copied: Path, settings: list[str]
) -> None:
    study, store = STUDIES.get("similarity"), Store(copied)
    planned = plan_study(study, small)
    written = planned.evidence(store)
    write_answer(study.answer(written), written)
    rewrite(copied, small, *settings)
    (kept,) = answered(Store(copied), small.experiment.name, written.results[OWN])
    assert kept.current == (len(settings) == 2)  # all on one kind of device again
    now = planned.evidence(Store(copied))
    write_answer(study.answer(now), now)
    (kept,) = answered(Store(copied), small.experiment.name, now.results[OWN])
    assert kept.current


CLAIMS = """
claims:
  - id: M1
    short: Same helps
    statement: Same helps.
    kind: [effect]
    source: {paper: ours}
    condition: The baseline and same.
    about: {encoders: [], targets: [toy-kind]}
    checks: [{check: gains, tasks: singles, targets: [TARGET]}]
"""


@pytest.mark.parametrize("target", ["toy-kind", "toy-search"])
def test_claims_note_mixed_runs_of_their_gains(
    mixed_store: Path, tmp_path: Path, target: str
) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text(CLAIMS.replace("TARGET", target), "utf-8")
    given = ["claims", str(mixed_store), "--claims", str(mine)]
    expected = target == "toy-kind"
    (judged,) = json.loads(output(*given, "--json"))
    assert any(DEVICES in text for text in judged["caveats"]) == expected
    for options in ([], ["--format", "md"], ["--format", "html"]):
        assert " ".join(output(*given, *options).split()).count(DEVICES) == expected


def test_recommendations_note_mixed_runs_of_their_gains(
    toy_file: Path, finished: Path, mixed_store: Path
) -> None:
    for store, expected in ((finished, 0), (mixed_store, 1)):
        named = ["recommend", "--like", str(toy_file), "--store", str(store), "--no-measures"]
        for target in ("toy-kind", "toy-tags"):  # by its own result, and by a prediction
            given = [*named, "--target", target, "--candidates", "toy-same"]
            notes = json.loads(output(*given, "--json"))["notes"]
            assert [DEVICES in note for note in notes].count(True) == expected
            assert " ".join(output(*given).split()).count(DEVICES) == expected


@pytest.mark.parametrize("candidates", [None, ["toy-same"]])
def test_the_best_setting_is_noted_if_what_it_was_compared_with_was_computed_differently(
    small: LoadedExperiment, finished: Path, mixed_store: Path, candidates: list[str] | None
) -> None:
    assert not any(xstilts.best(small, finished, candidates=candidates)["mixed_runs"])
    noted = xstilts.best(small, mixed_store, candidates=candidates).set_index("target")
    for words in (PRECISIONS, DEVICES):
        assert all(words in text for text in noted.loc["toy-kind", "mixed_runs"])
    assert not any(noted.loc["toy-search", "mixed_runs"])


def test_the_table_of_best_settings_marks_mixed_runs(
    small: LoadedExperiment, finished: Path, mixed_store: Path
) -> None:
    for store, is_mixed in ((finished, False), (mixed_store, True)):
        section = best_section(open_experiment(small, store).selected)
        assert section is not None
        marks = [row.get("note") for row in section.table.to_dict("records")]
        assert marks == ([MIXED, ""] if is_mixed else [None, None]), section.table
        assert any(DEVICES in note for note in section.notes) == is_mixed


def test_compare_shows_mixed_runs(mixed_store: Path, finished: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    given = ["compare", str(mixed_store), str(finished)]
    notes = json.loads(output(*given, "--json"))["notes"]
    settings = "toy-kind after toy-same, toy-search after toy-same in small (1) and small (2)"
    assert any(note.startswith(f"{settings} were {DEVICES}") for note in notes)
    assert DEVICES in " ".join(output(*given, "--out", str(page)).split())
    assert DEVICES in page.read_text("utf-8")


def test_a_uniform_store_has_no_note(toy_file: Path, finished: Path) -> None:
    given = words(toy_file, finished)
    assert "different" not in output("run", *given)
    assert "different" not in " ".join(json.loads(output("run", *given, "--json"))["notes"])
    assert "different" not in output("results", *given, "--format", "table")
    assert json.loads(output("compare", str(finished), str(finished), "--json"))["notes"] == []
