"""Models from elsewhere are evaluated by the same stages, without training."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from safetensors.torch import load_file, save_file
from typer.testing import CliRunner

import xstilts
from xstilts.analysis.dev_scores import dev_scores
from xstilts.analysis.run_records import saved_records
from xstilts.api.evaluate import prepare_evaluation
from xstilts.cli.app import app
from xstilts.config.load import LoadedExperiment
from xstilts.core.errors import ConfigError, UnknownNameError
from xstilts.core.store import Store
from xstilts.reports.claims import as_json

RunHere = Callable[[LoadedExperiment, Path], Store]


def known_scores(store: Path, target: str, setting: str = "none") -> dict[str, float]:
    """Language → score of the store's own evaluation."""
    table = xstilts.results(None, store)
    chosen = table[(table["target"] == target) & (table["intermediate"] == setting)]
    return dict(zip(chosen["language"], chosen["value"], strict=True))


def scores_of(evaluated: Any, task: str) -> dict[str, float]:
    chosen = evaluated.scores[evaluated.scores["task"] == task]
    return dict(zip(chosen["language"], chosen["value"], strict=True))


@pytest.fixture(scope="module")
def exported(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model of toy-kind without intermediate training as a plain folder."""
    folder = tmp_path_factory.mktemp("exported") / "kind"
    xstilts.export_model("small", folder, finished, target="toy-kind", setting="none")
    return folder


def test_a_tuned_folder_gets_the_scores_of_the_training_it_came_from(
    finished: Path, exported: Path, toy_file: Path, tmp_path: Path, in_process: None
) -> None:
    tasks = ["toy-kind", "toy-tags", "toy-search"]
    evaluated = xstilts.evaluate(exported, tasks, tmp_path / "s", experiment=toy_file, workers=1)
    assert scores_of(evaluated, "toy-kind") == pytest.approx(known_scores(finished, "toy-kind"))
    assert "AutoModelForSequenceClassification" in evaluated.head
    assert evaluated.skipped.keys() == {"toy-tags"}
    assert scores_of(evaluated, "toy-search").keys() == {"xx"}
    again = xstilts.evaluate(exported, tasks, tmp_path / "s", experiment=toy_file, workers=1)
    assert again.run.done == []
    assert again.scores.equals(evaluated.scores)


def test_the_evaluation_of_a_tuned_folder_is_no_experiment_to_claims_and_has_no_dev_scores(
    exported: Path, toy_file: Path, copied: Path, tmp_path: Path, in_process: None
) -> None:
    before = list(map(as_json, xstilts.claims(copied)))
    xstilts.evaluate(exported, "toy-kind", copied, experiment=toy_file, workers=1)
    assert list(map(as_json, xstilts.claims(copied))) == before
    alone = Store(tmp_path / "s")
    xstilts.evaluate(exported, "toy-kind", alone.root, experiment=toy_file, workers=1)
    with pytest.raises(ConfigError, match="no experiment was run"):
        xstilts.claims(alone.root)
    (record,) = saved_records(alone)
    assert dev_scores(record.compiled, alone) == {}


def test_a_raw_encoder_is_evaluated_on_retrieval_alone(
    finished: Path, toy_file: Path, tmp_path: Path, in_process: None
) -> None:
    encoder = toy_file.parent / "encoder"
    evaluated = xstilts.evaluate(
        encoder, ["toy-kind", "toy-search"], tmp_path / "s", experiment=toy_file, workers=1
    )
    assert evaluated.head == ""
    assert "without a head" in evaluated.skipped["toy-kind"]
    assert scores_of(evaluated, "toy-search") == pytest.approx(known_scores(finished, "toy-search"))


def test_the_slice_and_the_revision_of_the_experiment_are_evaluated(
    toy_file: Path, tmp_path: Path
) -> None:
    path = toy_file.parent / f"{tmp_path.name}.yaml"
    tree = yaml.safe_load(toy_file.read_text(encoding="utf-8"))
    tree |= {"splits": {"toy-search": {"test": "test[50%:]"}}, "revisions": {"a/b": "c" * 40}}
    path.write_text(yaml.safe_dump(tree), encoding="utf-8")
    encoder = toy_file.parent / "encoder"
    part = prepare_evaluation(encoder, "toy-search", tmp_path / "s", experiment=path).model.part
    assert {cell.split for cell in part.compiled.cells} == {"test[50%:]"}
    assert part.loaded.experiment.revisions == {"a/b": "c" * 40}


def test_a_model_that_fits_no_task_is_refused_with_the_reasons(
    exported: Path, toy_file: Path, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=r"toy-same: .*animal"):
        xstilts.evaluate(exported, "toy-same", tmp_path / "s", experiment=toy_file)
    with pytest.raises(UnknownNameError):
        xstilts.evaluate(exported, "no-such-suite", tmp_path / "s")
    with pytest.raises(UnknownNameError):
        xstilts.evaluate(exported, "home", tmp_path / "s", split="train")


def test_labels_that_a_config_lacks_can_be_given_in_any_case(
    finished: Path, exported: Path, toy_file: Path, tmp_path: Path, in_process: None
) -> None:
    path = exported.with_name("unnamed")
    path.mkdir()
    for file in exported.iterdir():
        (path / file.name).hardlink_to(file)
    config = json.loads((path / "config.json").read_text())
    config["id2label"] = {number: f"LABEL_{number}" for number in range(3)}
    (path / "config.json").unlink()
    (path / "config.json").write_text(json.dumps(config))
    with pytest.raises(ConfigError, match=r"(?s)LABEL_0.*--labels A,B,C"):
        xstilts.evaluate(path, "toy-kind", tmp_path / "s", experiment=toy_file)
    evaluated = xstilts.evaluate(
        path,
        "toy-kind",
        tmp_path / "s",
        languages=["xx"],
        labels=["Animal", "Food", "Tool"],
        experiment=toy_file,
        workers=1,
    )
    assert scores_of(evaluated, "toy-kind")["xx"] == pytest.approx(
        known_scores(finished, "toy-kind")["xx"]
    )


def test_a_quiet_evaluation_prints_why_it_failed(
    exported: Path, toy_file: Path, tmp_path: Path, in_process: None
) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(exported, broken)
    weights = load_file(broken / "model.safetensors")
    nan = {name: torch.full_like(one, float("nan")) for name, one in weights.items()}
    save_file(nan, broken / "model.safetensors", {"format": "pt"})
    words = ["--suite", "toy-kind", "--experiment", str(toy_file), "--store", str(tmp_path / "s")]
    words = ["evaluate", "--encoder", str(broken), *words, "--quiet"]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 3
    assert "NaN" in result.stdout
    beside_json = CliRunner().invoke(app, [*words, "--json"])
    assert json.loads(beside_json.stdout) == []
    assert "NaN" in beside_json.stderr


FORMATS = """\
name: formats
encoder: {{name: ./encoder, pooling: {pooling}}}
intermediate: [none]
targets: [{target}]
recipes:
  target: {{learning_rate: 3.0e-3, epochs: 1, batch_size: 16, num_evals: 1, max_length: 24}}
tasks:
"""


@pytest.mark.parametrize(
    ("target", "pooling", "opens_with"),
    [
        ("toy-kind", "mean", "SentenceTransformer"),
        ("toy-same", "mean", "SentenceTransformer"),
        ("toy-same", "cls", "AutoModelForSequenceClassification"),
        ("toy-tags", "cls", "AutoModelForTokenClassification"),
    ],
)
def test_training_export_and_evaluation_agree(
    toy_file: Path,
    tmp_path: Path,
    run_here: RunHere,
    in_process: None,
    target: str,
    pooling: str,
    opens_with: str,
) -> None:
    tree = yaml.safe_load(FORMATS.format(target=target, pooling=pooling))
    tree["tasks"] = yaml.safe_load(toy_file.read_text(encoding="utf-8"))["tasks"]
    path = toy_file.parent / f"{tmp_path.name}.yaml"
    path.write_text(yaml.safe_dump(tree), encoding="utf-8")
    loaded = xstilts.load(path)
    store = tmp_path / "store"
    assert xstilts.run(loaded, store, workers=1).exit_code == 0
    exported = xstilts.export_model("formats", tmp_path / "out", store)
    assert exported.opens_with[0] == opens_with
    evaluated = xstilts.evaluate(
        tmp_path / "out", target, tmp_path / "other", experiment=path, workers=1
    )
    assert scores_of(evaluated, target) == pytest.approx(known_scores(store, target))


def test_the_command_prints_scores_and_what_is_left_out(
    exported: Path, toy_file: Path, tmp_path: Path, in_process: None
) -> None:
    arguments = [
        "evaluate",
        "--encoder",
        str(exported),
        "--suite",
        "toy-kind",
        "--suite",
        "toy-tags",
    ]
    arguments += ["--experiment", str(toy_file), "--store", str(tmp_path / "s"), "-l", "xx"]
    planned = CliRunner().invoke(app, [*arguments, "--dry-run"])
    assert planned.exit_code == 0, planned.output
    plan = CliRunner().invoke(app, [*arguments, "--dry-run", "--json"])
    assert {stage["state"] for stage in json.loads(plan.stdout)["stages"]} == {"to do"}
    assert "toy-tags is left out" in plan.stderr
    assert not (tmp_path / "s").exists()
    shown = CliRunner().invoke(app, [*arguments, "--workers", "1"])
    assert shown.exit_code == 0, shown.output
    assert "toy-tags is left out" in shown.stdout
    table = json.loads(CliRunner().invoke(app, [*arguments, "--json"]).stdout)
    assert [row["language"] for row in table] == ["xx"]


def test_a_language_that_no_task_has_is_named() -> None:
    with pytest.raises(UnknownNameError, match="unknown language of these tasks 'qq'"):
        prepare_evaluation("no-model", "xtreme", languages=["de", "qq"])
