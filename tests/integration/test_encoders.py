"""Two tiny encoders in one experiment: run, tables, ranking, report; and what needs one of them."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner

import xstilts
from xstilts.analysis.mixed_runs import BEST
from xstilts.analysis.run_records import newest
from xstilts.api.handle import ExperimentHandle, open_experiment
from xstilts.api.recommend import prepare_recommendation
from xstilts.api.study import prepare_study
from xstilts.cli.app import app
from xstilts.config.load import LoadedExperiment
from xstilts.core.errors import ConfigError
from xstilts.core.store import Store
from xstilts.executors.base import RunResult
from xstilts.reports.xtreme.write import write_submissions
from xstilts.testing.other_devices import record_gpu
from xstilts.testing.tiny import write_encoder


@dataclass(frozen=True)
class Compared:
    """The finished toy experiment after a second encoder was added to it.

    Args:
        path: of the experiment's file.
        single: the experiment with the first encoder.
        before: keys of the store when only the first encoder was finished.
    """

    path: Path
    store: Path
    single: LoadedExperiment
    before: frozenset[str]

    @property
    def handle(self) -> ExperimentHandle:
        """The experiment with both encoders."""
        return open_experiment(self.path, self.store)


@pytest.fixture(scope="module")
def compared(
    small: LoadedExperiment,
    toy_file: Path,
    finished: Path,
    tmp_path_factory: pytest.TempPathFactory,
    run_in_process: Callable[..., RunResult],
) -> Compared:
    folder = tmp_path_factory.mktemp("compared")
    shutil.copytree(toy_file.parent, folder / "toy")
    shutil.copytree(finished, folder / "store")
    write_encoder(folder / "toy" / "deep", layers=3)
    path = folder / "toy" / "small.yaml"
    path.write_text(
        "extends: toy.yaml\nname: small\nseeds: [0]\nintermediate: [none, toy-same]\n"
        "targets: [toy-kind, toy-search]\nencoders: [./encoder, ./deep]\n",
        encoding="utf-8",
    )
    before = frozenset(Store(folder / "store").keys())
    outcome = run_in_process(path, folder / "store")
    assert outcome.exit_code == 0, outcome.failed
    return Compared(path, folder / "store", small, before)


def test_only_the_new_encoder_is_trained(compared: Compared) -> None:
    made = set(Store(compared.store).keys()) - compared.before
    of_encoders = {
        stage.key for stage in compared.handle.compiled.plan.stages if "[deep]" in stage.label
    }
    assert made >= of_encoders
    assert len(made - of_encoders) == 1  # the imported encoder


def test_gains_are_those_of_the_experiments_with_one_encoder(compared: Compared) -> None:
    gains = xstilts.gains(compared.path, compared.store)
    assert list(dict.fromkeys(gains["encoder"])) == ["encoder", "deep"]
    alone = xstilts.gains(compared.single, compared.store)
    columns = ["target", "metric", "score", "baseline", "gain", "low", "high"]
    own = gains[gains["encoder"] == "encoder"][columns].reset_index(drop=True)
    assert own.equals(alone[columns])
    best = xstilts.best(compared.path, compared.store)
    assert set(zip(best["encoder"], best["target"], strict=True)) == {
        (encoder, target)
        for encoder in ("encoder", "deep")
        for target in ("toy-kind", "toy-search")
    }


def test_the_ranking_agrees_with_the_results(compared: Compared) -> None:
    ranking = xstilts.rank_encoders(compared.path, compared.store)
    results = xstilts.results(compared.path, compared.store)
    baseline = ranking[ranking["ranking"] == "none"].set_index(["target", "encoder"])
    scores = results[(results["intermediate"] == "none") & (results["language"] == "xx")]
    for row in scores.drop_duplicates(["encoder", "target"]).itertuples():
        assert baseline.loc[(row.target, row.encoder), "score"] == pytest.approx(row.value)
    assert not ranking["tested"].any()
    assert set(ranking["ranking"]) == {"none", "toy-same", "best per target"}
    chosen = ranking[ranking["ranking"] == "best per target"]
    assert set(chosen["target"]) <= {"toy-kind"}  # toy-search has no dev set to choose by


def test_the_report_has_the_ranking_and_every_link_of_it_leads_somewhere(
    compared: Compared, tmp_path: Path
) -> None:
    text = xstilts.report(compared.path, tmp_path / "page.html", compared.store).read_text()
    assert 'id="encoders"' in text
    text = re.sub(r"<svg.*?</svg>", "", text, flags=re.DOTALL)  # figures repeat ids of axes
    ids = re.findall(r'\sid="([^"]+)"', text)
    assert len(set(ids)) == len(ids)
    assert set(re.findall(r'href="#([^"]+)"', text)) <= set(ids)
    assert all(f'id="{name}-map-toy-kind"' in text for name in ("encoder", "deep"))
    markdown = xstilts.report(compared.path, tmp_path / "page.md", compared.store, form="md")
    assert "| encoder | target |" in markdown.read_text()


def test_the_command_line_prints_the_ranking_for_people_and_as_json(compared: Compared) -> None:
    words = ["results", str(compared.path), "--store", str(compared.store), "--ranking"]
    shown = CliRunner().invoke(app, words).stdout
    assert "mean rank" in shown
    assert "Ranks of one seed" in shown
    rows = json.loads(CliRunner().invoke(app, [*words, "--format", "json"]).stdout)
    assert {row["encoder"] for row in rows} == {"encoder", "deep"}
    assert {"rank", "mean_rank", "difference_low"} <= rows[0].keys()


def test_the_plan_has_the_cost_of_each_encoder(compared: Compared, tmp_path: Path) -> None:
    costs = xstilts.plan(compared.path, tmp_path / "empty").encoders
    assert list(costs) == ["encoder", "deep"]
    assert costs["deep"].operations > costs["encoder"].operations > 0
    assert xstilts.plan(compared.single, tmp_path / "empty").encoders == {}


def test_studies_and_recommendations_ask_for_one_encoder(compared: Compared) -> None:
    with pytest.raises(ConfigError, match="answers for one encoder"):
        prepare_study("reasoning", compared.path, compared.store)
    chosen = xstilts.load(compared.path, encoder="deep")
    assert prepare_study("reasoning", chosen, compared.store).planned.loaded is chosen
    arguments = {"like": compared.path, "store": compared.store, "measuring": False}
    with pytest.raises(ConfigError, match="one encoder is needed"):
        prepare_recommendation("toy-kind", ["toy-same"], **arguments)
    advice = prepare_recommendation("toy-kind", ["toy-same"], encoder="deep", **arguments)
    assert advice.rank().encoder == "deep"


def test_the_report_names_the_encoder_of_a_study(compared: Compared, tmp_path: Path) -> None:
    def page() -> str:
        return xstilts.report(compared.path, tmp_path / "page.html", compared.store).read_text()

    prepare_study("reasoning", xstilts.load(compared.path, encoder="deep"), compared.store).answer()
    assert "Study: reasoning (deep)" in page()
    assert "Outdated" not in page()
    fewer = ["intermediate=[none]", "targets=[toy-kind]"]
    other = xstilts.load(compared.path, fewer, encoder="deep")
    prepare_study("reasoning", other, compared.store).answer()
    assert "Outdated" in page()


def test_claims_judge_each_encoder_apart(compared: Compared) -> None:
    found = [{cell.encoder for cell in plan.cells} for _, plan in newest(Store(compared.store))]
    assert sorted(found, key=str) == [{"deep"}, {"encoder"}]


def test_in_a_sweep_each_encoder_is_ranked_by_its_default_layer(
    compared: Compared, run_here: Callable[[LoadedExperiment, Path], Store]
) -> None:
    swept = ["retrieval.layer=all", "targets=[toy-search]", "intermediate=[none]"]
    handle = open_experiment(xstilts.load(compared.path, swept), compared.store)
    run_here(handle.loaded, compared.store)
    assert handle.compared is not None
    assert [(row.target, row.rank > 0) for row in handle.compared.rows] == [
        ("toy-search", True)
    ] * 2
    results = handle.results.set_index(["encoder", "target", "metric"])["value"]
    for row, layer in zip(
        sorted(handle.compared.rows, key=lambda r: r.encoder), (2, 1), strict=True
    ):
        key = row.encoder, f"toy-search (layer {layer}, mean)", row.metric
        assert row.score == pytest.approx(results[key])
    assert any("layer 2, mean is used" in note for note in handle.compared.notes)


def test_a_ranking_notes_encoders_that_were_computed_differently(
    compared: Compared, tmp_path: Path
) -> None:
    assert not any(xstilts.rank_encoders(compared.path, compared.store)["mixed_runs"])
    store = shutil.copytree(compared.store, tmp_path / "store")
    cells = [cell for cell in compared.handle.compiled.cells if cell.encoder == "deep"]
    record_gpu(store, {key for cell in cells for key in cell.trained_by})
    ranking = xstilts.rank_encoders(compared.path, store).set_index(["ranking", "target"])
    for setting, words in (("toy-same", "toy-same"), (BEST, "the best setting of each")):
        text = f"the encoders' runs of toy-kind after {words} were computed in different "
        assert all(text in note for note in ranking.loc[(setting, "toy-kind"), "mixed_runs"])
    assert not any(ranking.loc[("none", "toy-search"), "mixed_runs"])  # without a training
    assert set(xstilts.gains(compared.path, store)["mixed_runs"]) == {""}
    given = ["results", str(compared.path), "--store", str(store), "--ranking"]
    shown = " ".join(CliRunner().invoke(app, given).stdout.split())
    assert shown.count("on different kinds of device") == 1
    page = xstilts.report(compared.path, tmp_path / "page.html", store).read_text()
    several = "toy-kind without an intermediate task, toy-kind after the best setting of each"
    assert f"runs of {several} were computed on different kinds of device" in page


def test_one_encoder_has_no_ranking(compared: Compared) -> None:
    with pytest.raises(ConfigError, match="a ranking needs several"):
        xstilts.rank_encoders(compared.single, compared.store)


def test_encoders_whose_submissions_would_share_a_folder_are_refused(compared: Compared) -> None:
    loaded = xstilts.load(
        compared.path,
        ["encoders=[{name: ./encoder, label: a b}, {name: ./deep, label: a-b}]",
         "intermediate=[none]", "targets=[xnli]", "eval_split=test"],
    )  # fmt: skip
    handle = ExperimentHandle(loaded, Store(compared.store))
    with pytest.raises(ConfigError, match="same folder a-b"):
        write_submissions(handle.compiled, handle.snapshot, compared.store.parent / "out")
