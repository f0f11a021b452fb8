"""Regression from files to gains: training, scores, gains, measures and undefined dev scores."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

import xstilts
from xstilts.config.load import LoadedExperiment
from xstilts.core.store import Store
from xstilts.executors.worker import execute_stage
from xstilts.planning.compile import compile_experiment
from xstilts.planning.measures import compile_measures
from xstilts.stages.io.rows import PREDICTIONS, read_rows
from xstilts.stages.prepare import ROWS
from xstilts.testing.tiny import in_language, sentences, write_encoder

RunHere = Callable[[LoadedExperiment, Path], Store]
GRADES = {"animal": -1.0, "food": 1.5, "tool": 3.0}
EXPERIMENT = """\
name: ratings
encoder: ./encoder
intermediate: [none, rating-again]
targets: [rating]
seeds: [0, 1]
recipes:
  intermediate: {learning_rate: 3.0e-3, epochs: 3, batch_size: 8, num_evals: 3, dropout: 0}
  target: {learning_rate: 3.0e-3, epochs: 10, batch_size: 8, num_evals: 3, dropout: 0}
tasks:
  rating: &rating
    format: regression
    files: ratings-{split}-{language}.tsv
    splits: {train: [en], dev: [en], test: [en, xx]}
    columns: [text, score]
    bounds: [-5, 5]
  rating-again: *rating
  kind:
    format: classification
    files: kind-{split}-{language}.tsv
    splits: {train: [en], dev: [en]}
    columns: [text, label]
    labels: [animal, food, tool]
"""


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The experiment's file with its data; a row's score is the grade of its kind and a little."""
    root = tmp_path_factory.mktemp("ratings")
    write_encoder(root / "encoder")
    for split, languages, count in (
        ("train", ["en"], 48),
        ("dev", ["en"], 18),
        ("test", ["en", "xx"], 24),
    ):
        for language in languages:
            rows = [
                (f"{in_language(text, language)} {split}", kind, GRADES[kind] + number % 3 / 10)
                for number, (text, kind, _) in enumerate(sentences(split, count))
            ]
            for name, column in (("ratings", 2), ("kind", 1)):
                lines = "".join(f"{row[0]}\t{row[column]}\n" for row in rows)
                (root / f"{name}-{split}-{language}.tsv").write_text(lines, encoding="utf-8")
    path = root / "ratings.yaml"
    path.write_text(EXPERIMENT, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def store(file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The finished experiment."""
    folder = tmp_path_factory.mktemp("store") / "store"
    finished = Store(folder).prepare()
    for stage in compile_experiment(xstilts.load(str(file))).plan.stages:
        execute_stage(finished, stage, lambda _: None)
    return folder


def test_scores_are_the_correlations_of_the_predictions(file: Path, store: Path) -> None:
    plan = compile_experiment(xstilts.load(str(file))).plan
    results = xstilts.results(str(file), store)
    assert set(results["metric"]) == {"pearson", "spearman"}
    for metric, key, value in results[["metric", "key", "value"]].itertuples(index=False):
        inputs = plan.by_key[key].inputs
        read = Store(store).artifact
        gold = [row["score"] for row in read_rows(read(inputs["rows"]) / ROWS)]
        made = read_rows(read(inputs["predictions"]) / PREDICTIONS)
        reference = {"pearson": stats.pearsonr, "spearman": stats.spearmanr}[metric]
        expected = reference(gold, [row["prediction"] for row in made]).statistic
        assert value == pytest.approx(expected, abs=1e-9)
    english = results[(results["language"] == "en") & (results["metric"] == "pearson")]
    assert english["value"].min() > 0.5


def test_gains_of_correlations_have_intervals_and_p_values(file: Path, store: Path) -> None:
    gains = xstilts.gains(str(file), store)
    assert len(gains) == 2  # metrics
    assert gains["main"].tolist() == (gains["metric"] == "pearson").tolist()
    assert (gains["low"] <= gains["gain"]).all()
    assert (gains["gain"] <= gains["high"]).all()
    assert gains.loc[gains["main"], "p"].notna().all()
    assert gains["low"].notna().all()


def test_measures_of_gold_probabilities_leave_regression_out(file: Path) -> None:
    loaded = xstilts.load(str(file), ["intermediate=[none, rating-again]"])
    names = ["confidence", "prequential", "taskemb", "logme", "majority", "accuracy"]
    _, references = compile_measures(loaded, names)
    assert {ref.measure for ref in references} == {"majority", "accuracy"}


def test_the_correlation_of_the_majority_baseline_is_not_defined(
    file: Path, tmp_path: Path
) -> None:
    stages, references = compile_measures(
        xstilts.load(str(file), ["intermediate=[none, rating-again]"]), ["majority"]
    )
    folder = Store(tmp_path).prepare()
    for stage in stages:
        if stage.kind in ("prepare", "guess"):
            execute_stage(folder, stage, lambda _: None)
    facts = folder.artifact(references[0].keys[0]).facts
    assert facts["majority"] is facts["chance"] is None
    assert facts["usual"] == pytest.approx(np.mean([*GRADES.values()]) + 0.1, abs=0.3)


def test_a_mixture_with_regression_is_scored_on_every_dev_set(
    file: Path, tmp_path: Path, run_here: RunHere
) -> None:
    changes = ["intermediate=[rating-again+kind]", "recipes.intermediate.epochs=1", "seeds=[0]"]
    loaded = xstilts.load(str(file), [*changes, "recipes.target.epochs=1"])
    stages = compile_experiment(loaded).plan.stages
    store = run_here(loaded, tmp_path)
    training = next(stage for stage in stages if stage.kind == "train")
    assert set(store.artifact(training.key).facts["dev"]) == {"rating-again", "kind"}


def dev_run(
    file: Path,
    folder: Path,
    run_here: RunHere,
    monkeypatch: pytest.MonkeyPatch,
    predictions: Sequence[Callable[[int], list[float]]],
) -> Any:
    """The facts of a training whose evaluations give these predictions on dev."""
    calls = iter(predictions)
    monkeypatch.setattr(
        "xstilts.training.run.predict",
        lambda model, task, kind, dev, *rest, **_: next(calls)(len(dev)),
    )
    changes = ["intermediate=[none]", "seeds=[0]", "recipes.target.epochs=1"]
    loaded = xstilts.load(str(file), changes)
    stages = compile_experiment(loaded).plan.stages
    store = run_here(loaded, folder)
    (training,) = [stage for stage in stages if stage.kind == "train"]
    return store.artifact(training.key).facts


def constant(count: int) -> list[float]:
    return [0.7] * count


def alternating(count: int) -> list[float]:
    return [float(number % 2) for number in range(count)]


def test_a_checkpoint_with_equal_predictions_is_never_the_best(
    file: Path, tmp_path: Path, run_here: RunHere, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = [constant, alternating, constant]
    facts = dev_run(file, tmp_path, run_here, monkeypatch, calls)
    assert facts["best_step"] == facts["steps"] * 2 // 3
    assert -1 < facts["dev"]["rating"] == facts["dev_mean"] < 1
    assert facts["collapsed"] == []
    assert sum("pearson of rating is not defined" in event for event in facts["events"]) == 2


def test_a_run_without_any_defined_dev_score_says_so_and_is_collapsed(
    file: Path, tmp_path: Path, run_here: RunHere, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = dev_run(file, tmp_path, run_here, monkeypatch, [constant] * 3)
    assert facts["best_step"] == facts["steps"]
    assert math.isnan(facts["dev"]["rating"])
    assert facts["dev_mean"] is None
    assert facts["collapsed"] == ["rating"]
    assert facts["events"][-1] == "no dev score is defined: the last checkpoint is used"
