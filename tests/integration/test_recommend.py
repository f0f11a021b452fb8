"""`xstilts recommend` on toy tasks."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

import xstilts
from xstilts.api.recommend import Recommendation, prepare_recommendation
from xstilts.cli.app import app
from xstilts.cli.output.recommend import past_sentence, sentences
from xstilts.core.errors import ConfigError, DataError
from xstilts.core.store import Store
from xstilts.executors.local import LocalExecutor
from xstilts.executors.worker import execute_stage
from xstilts.planning.remaining_cost import RemainingCost
from xstilts.recommend.backtest import leave_one_target_out
from xstilts.recommend.predict_gains import FALLBACK, GAINS, LOW_COST, KnownGains, recommend


def command(*words: object, code: int = 0) -> str:
    """Run the command; returns what it printed, errors included."""
    done = subprocess.run(
        [sys.executable, "-m", "xstilts", *map(str, words)],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "COLUMNS": "160"},
    )
    printed = done.stdout + done.stderr
    assert done.returncode == code, printed
    assert "Traceback" not in printed
    return printed


def question(toy_file: Path, store: Path, target: str, candidates: str) -> tuple[object, ...]:
    named = ("--like", toy_file, "--store", store, "--target", target)
    return ("recommend", *named, "--candidates", candidates)


@pytest.fixture(scope="module")
def measured(toy_file: Path, finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the finished store with the cheap measures for two targets."""
    import shutil

    place = tmp_path_factory.mktemp("measured") / "store"
    shutil.copytree(finished, place)
    store = Store(place).prepare()
    for target, candidates in (("toy-kind", ["toy-same", "toy-tags"]), ("toy-tags", ["toy-same"])):
        prepared = prepare_recommendation(target, candidates, like=str(toy_file), store=store)
        for stage in prepared.low_cost[0].stages:
            if not store.has(stage.key):
                execute_stage(store, stage, lambda _: None)
    return place


def test_known_gains_rank_before_predictions_from_measures(toy_file: Path, measured: Path) -> None:
    words = question(toy_file, measured, "toy-kind", "toy-tags,toy-same")
    found = json.loads(command(*words, "--format", "json"))
    first, second = found["candidates"]
    assert (first["candidate"], first["basis"]) == ("toy-same", "results on this target")
    assert first["note"] == "small, 1 seed"
    assert first["low"] <= first["gain"] <= first["high"]
    assert first["seconds"] > 0  # the toy experiment has two seeds, the store one
    assert (second["candidate"], second["basis"]) == ("toy-tags", "measures only")
    assert second["gain"] is second["low"] is None
    assert second["note"] == "too few targets for a conclusion: 2 of at least 3"
    assert all(isinstance(second[name], float) for name in LOW_COST)
    assert found["past"][0]["points"] is None


def test_recommend_with_nothing_to_measure_starts_no_executor_and_reads_each_manifest_once(
    toy_file: Path, measured: Path, manifests: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("nothing to do")

    monkeypatch.setattr(LocalExecutor, "run", refuse)
    result = xstilts.recommend("toy-kind", ["toy-same"], like=str(toy_file), store=measured)
    assert result.table["candidate"].tolist() == ["toy-same"]
    assert set(manifests) <= set(Store(measured).keys())
    assert set(manifests.values()) == {1}


def test_unknown_values_are_words_in_the_table(toy_file: Path, measured: Path) -> None:
    printed = command(*question(toy_file, measured, "toy-tags", "toy-same"))
    assert "No expected gains: the store has too few" in printed
    assert f"by mean rank in {', '.join(FALLBACK)}" in printed
    assert "The baseline must be trained once" in printed
    assert "too few targets with several tasks for a conclusion: 0 of" in printed
    assert "measured in this store" in printed
    assert "textemb" in printed


@pytest.mark.usefixtures("in_process")
def test_a_quiet_recommendation_prints_why_measures_failed(
    toy_file: Path, copied: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object) -> None:
        raise DataError("no vectors today")

    monkeypatch.setattr("xstilts.stages.embed_examples.run", fail)
    words = map(str, question(toy_file, copied, "toy-kind", "toy-same"))
    result = CliRunner().invoke(app, [*words, "--quiet", "--format", "json"])
    assert result.exit_code == 0, result.output
    assert [one["candidate"] for one in json.loads(result.stdout)["candidates"]] == ["toy-same"]
    assert "no vectors today" in result.stderr


def test_recommend_without_measures_runs_and_writes_nothing(toy_file: Path, tmp_path: Path) -> None:
    words = question(toy_file, tmp_path / "none", "toy-kind", "toy-same,toy-tags+toy-same")
    printed = command(*words, "--no-measures", "--format", "csv")
    table = pd.read_csv(io.StringIO(printed))
    assert table["candidate"].tolist() == ["toy-same", "toy-same+toy-tags"]
    assert table["gain"].isna().all()
    assert set(table["basis"]) == {"nothing"}
    assert (table["gpu_hours"] > 0).all()
    assert not (tmp_path / "none").exists()
    assert "| candidate |" in command(*words, "--no-measures", "--format", "md")


@pytest.mark.parametrize(
    ("target", "candidates", "languages", "printed"),
    [
        ("toy-kind", ["none"], [], "no intermediate task to choose from"),
        ("toy-kind", ["toy-kind"], [], "more epochs of it"),
        ("toy-kind", ["toy-sam"], [], "did you mean 'toy-same'"),
        ("toy-kin", ["toy-same"], [], "did you mean 'toy-kind'"),
        ("toy-kind", ["toy-same"], ["qq"], "unknown language of toy-kind 'qq'"),
    ],
)
def test_errors_are_reported_before_anything_runs(
    target: str, candidates: list[str], languages: list[str], printed: str, toy_file: Path
) -> None:
    with pytest.raises(ConfigError, match=printed):
        prepare_recommendation(target, candidates, like=str(toy_file), languages=languages)


def test_an_encoder_is_required_without_an_experiment(tmp_path: Path) -> None:
    words = ("--target", "xnli", "--candidates", "mnli", "--store", tmp_path, "--no-measures")
    assert "one of table" in command("recommend", *words, "--format", "xls", code=2)
    assert "give a Hugging Face name" in command("recommend", *words, code=2)
    printed = command("recommend", *words, "--encoder", "FacebookAI/xlm-roberta-base")
    assert "mnli" in printed
    assert "rough estimate for a CPU" in printed


def test_the_backtest_is_summarised_in_a_sentence() -> None:
    rows = [
        ("e", setting, f"t{place}", 0.5 + gain, gain)
        for setting, gains in (("a", [0.05, 0.06, 0.04, 0.05]), ("b", [0.01, 0.02, 0.01, 0.03]))
        for place, gain in enumerate(gains)
    ]
    gains = pd.DataFrame(rows, columns=list(GAINS))
    measures = pd.DataFrame(columns=["measure", "task", "other", "language", "seed", "value"])
    table = recommend(["a", "b"], "x", "e", KnownGains(gains, measures))
    table = table.assign(seconds=0.0, operations=0.0)
    past = leave_one_target_out(gains, measures)
    found = Recommendation(
        "e", "x", table, measures, RemainingCost(0, 0.0, 0.0), past, calibrated=True
    )
    text = past_sentence(found)
    assert "4 targets" in text
    assert "0.0 points [no variation between the few values]" in text
    assert "0.0 with the best task" in text
    assert "1.6 with a random choice" in text
    assert list(sentences(found, 100.0)) == [past_sentence(found)]
