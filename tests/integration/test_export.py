"""A finished experiment's models leave the store and work with transformers alone."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
import torch
import yaml
from transformers import AutoModel, AutoModelForSequenceClassification, AutoTokenizer
from typer.testing import CliRunner

import xstilts
from xstilts.analysis.run_records import save_record, saved_records
from xstilts.cli.app import app
from xstilts.core.dropped import drop
from xstilts.core.errors import ConfigError, StoreError, UnknownNameError
from xstilts.core.store import Store
from xstilts.export.hub import HubError
from xstilts.models.encoder_files import BODY
from xstilts.planning.compile import compile_experiment
from xstilts.stages.io.rows import PREDICTIONS, read_rows
from xstilts.stages.prepare import ROWS

SMALL = [
    *("name=small", "seeds=[0]", "intermediate=[none, toy-same]"),
    "targets=[toy-kind, toy-search]",
]
BASELINE: dict[str, Any] = {"target": "toy-kind", "setting": "none", "seed": 0}


def rows_and_predictions(store: Path, target: str, setting: str) -> dict[str, tuple[Any, Any]]:
    """Language → test rows and xstilts' own predictions."""
    results = xstilts.results(None, store)
    chosen = results[(results["target"] == target) & (results["intermediate"] == setting)]
    opened, found = Store(store), {}
    for language, key in zip(chosen["language"], chosen["key"], strict=True):
        inputs = opened.artifact(key).manifest["stage"]["inputs"]
        rows = read_rows(opened.artifact(inputs["rows"]) / ROWS)
        predicted = read_rows(opened.artifact(inputs["predictions"]) / PREDICTIONS)
        found[language] = rows, [row["prediction"] for row in predicted]
    return found


@pytest.mark.parametrize("setting", ["none", "toy-same"])
def test_transformers_alone_repeats_the_predictions(
    finished: Path, tmp_path: Path, setting: str
) -> None:
    exported = xstilts.export_model(
        "small", tmp_path / "out", finished, **{**BASELINE, "setting": setting}
    )
    assert exported.opens_with == ("AutoModelForSequenceClassification",)
    assert exported.difference < 1e-5
    model = AutoModelForSequenceClassification.from_pretrained(tmp_path / "out").eval()
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "out")
    predictions = rows_and_predictions(finished, "toy-kind", setting)
    assert predictions.keys() == {"en", "xx"}
    for rows, expected in predictions.values():
        texts = [row["text"] for row in rows]
        with torch.no_grad():
            logits = model(**tokenizer(texts, padding=True, return_tensors="pt")).logits
        assert [model.config.id2label[one] for one in logits.argmax(-1).tolist()] == expected


def test_the_card_has_metadata_scores_and_a_recipe_to_repeat_the_run(
    finished: Path, tmp_path: Path
) -> None:
    xstilts.export_model("small", tmp_path / "out", finished, **BASELINE, licence="mit")
    card = huggingface_hub.ModelCard.load(tmp_path / "out" / "README.md")
    assert card.data.license == "mit"
    assert card.data.pipeline_tag == "text-classification"
    scores = xstilts.results(None, finished)
    chosen = scores[(scores["target"] == "toy-kind") & (scores["intermediate"] == "none")]
    known = dict(zip(chosen["language"], chosen["value"], strict=True))
    stated = {one.dataset_config: one.metric_value for one in card.data.eval_results}
    assert stated == {code: round(value, 4) for code, value in known.items()}
    for part in ("## Scores", "## Data", "## Recipe", "## Reproduce"):
        assert part in card.text
    assert "--setting none --seed 0" in card.text
    assert "Encoder: `encoder` (licence: not known; folder of the user)." in card.text
    assert "pip install xstilts==" not in card.text
    tree = yaml.safe_load((tmp_path / "out" / "experiment.yaml").read_text(encoding="utf-8"))
    assert tree["name"] == "small"
    assert tree["recipes"]["target"]["learning_rate"] == 0.003
    assert str(finished.parent) not in (tmp_path / "out" / "experiment.yaml").read_text()


def test_an_undefined_score_is_not_in_the_metadata(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hub refuses NaN, which a correlation of constant predictions is."""
    from xstilts.analysis import score_intervals as module

    measured, nan = module.score_intervals, float("nan")
    monkeypatch.setattr(
        module,
        "score_intervals",
        lambda *given: [
            replace(one, value=nan, low=nan, high=nan) if one.language == "xx" else one
            for one in measured(*given)
        ],
    )
    xstilts.export_model("small", tmp_path / "out", finished, **BASELINE)
    card = huggingface_hub.ModelCard.load(tmp_path / "out" / "README.md")
    assert [one.dataset_config for one in card.data.eval_results] == ["en"]
    assert "| xx (xx) | accuracy | – | – | 30 |" in card.text


def test_the_card_says_that_scores_are_of_predictions_in_bf16(
    toy_file: Path, finished: Path, tmp_path: Path, run_in_process: Any
) -> None:
    changes = ["name=half", "seeds=[0]", "intermediate=[none]", "targets=[toy-kind]"]
    loaded = xstilts.load(
        str(toy_file), [*changes, "recipes.target.epochs=1", "recipes.target.precision=bf16"]
    )
    assert run_in_process(loaded, tmp_path / "store").exit_code == 0
    xstilts.export_model("half", tmp_path / "out", tmp_path / "store")
    said = "the scores are of predictions computed in bf16"
    assert said in (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    xstilts.export_model("small", tmp_path / "full", finished, **BASELINE)
    assert said not in (tmp_path / "full" / "README.md").read_text(encoding="utf-8")


def test_a_training_that_two_encoders_share_has_a_name_of_one_in_its_card(
    toy_file: Path, tmp_path: Path, run_in_process: Any
) -> None:
    """Heads of words do not depend on the pooling."""
    entries = [{"name": "./encoder", "label": one, "pooling": one} for one in ("cls", "last")]
    loaded = xstilts.load(
        str(toy_file),
        ["name=two", "seeds=[0]", "intermediate=[none]", "targets=[toy-tags]", "encoder=null",
         f"encoders={json.dumps(entries)}", "recipes.target.epochs=1"],
    )  # fmt: skip
    assert run_in_process(loaded, tmp_path / "store").exit_code == 0
    xstilts.export_model("two", tmp_path / "out", tmp_path / "store", encoder="last")
    assert "Encoder: `cls` (" in (tmp_path / "out" / "README.md").read_text(encoding="utf-8")


def test_a_card_has_the_newest_score_of_each_split(
    toy_file: Path, copied: Path, tmp_path: Path, run_in_process: Any
) -> None:
    base = ["seeds=[0]", "intermediate=[none]", "targets=[toy-kind]"]
    for more in (["name=part", "limits.test=5"], ["name=on-dev", "eval_split=dev"]):
        loaded = xstilts.load(str(toy_file), [*base, *more])
        assert run_in_process(loaded, copied).exit_code == 0
    results = xstilts.results(None, copied)
    known = {
        (split, code): (round(value, 4), n)
        for split, name in (("test", "part"), ("dev", "on-dev"))
        for code, value, n in results[
            (results["experiment"] == name)
        ][["language", "value", "n"]].itertuples(index=False)
    }  # fmt: skip
    xstilts.export_model("on-dev", tmp_path / "out", copied, **BASELINE)
    card = huggingface_hub.ModelCard.load(tmp_path / "out" / "README.md")
    stated = [(one.dataset_split, one.dataset_config) for one in card.data.eval_results]
    assert len(stated) == len(set(stated)) == len(known)
    assert {
        (one.dataset_split, one.dataset_config): one.metric_value
        for one in card.data.eval_results
    } == {part: value for part, (value, _) in known.items()}  # fmt: skip
    rows = [line.split(" | ") for line in card.text.splitlines() if line.startswith("| toy-kind")]
    scores = [row for row in rows if len(row) == 8]
    assert {(row[2], row[6]) for row in scores} == {
        (split, str(n)) for (split, _), (_, n) in known.items()
    }
    (tests,) = [row for row in rows if len(row) == 6 and row[1] == "test"]
    assert tests[3] == "10"


def test_an_intermediate_encoder_opens_with_sentence_transformers(
    finished: Path, tmp_path: Path
) -> None:
    exported = xstilts.export_model(
        "small", tmp_path / "out", finished, target="toy-search", setting="toy-same",
        with_head=False,
    )  # fmt: skip
    assert exported.opens_with == ("SentenceTransformer", "AutoModel")
    modules = json.loads((tmp_path / "out" / "modules.json").read_text())
    assert [module["path"] for module in modules] == ["", "1_Pooling"]
    pooling = json.loads((tmp_path / "out" / "1_Pooling" / "config.json").read_text())
    assert pooling["pooling_mode_mean_tokens"]


def test_several_trainings_are_listed_and_nothing_is_written(
    finished: Path, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match="2 trainings") as caught:
        xstilts.export_model("small", tmp_path / "out", finished, target="toy-kind")
    assert "train toy-kind after toy-same seed 0" in str(caught.value)
    with pytest.raises(ConfigError, match="no training is on toy-same"):
        xstilts.export_model("small", tmp_path, finished, target="toy-kind", task="toy-same")
    with pytest.raises(ConfigError, match="targets: toy-kind, toy-search"):
        xstilts.export_model("small", tmp_path / "out", finished, target="toy-kin")
    assert not (tmp_path / "out").exists()


def test_the_training_of_a_setting_is_not_mistaken_for_that_of_a_target(
    toy_file: Path, copied: Path, tmp_path: Path
) -> None:
    trained = xstilts.load(str(toy_file), [*SMALL, "name=trained", "targets=[toy-kind]"])
    save_record(trained, compile_experiment(trained), Store(copied))
    setting: dict[str, Any] = {"setting": "toy-same", "seed": 0}
    with pytest.raises(ConfigError, match="2 trainings") as caught:
        xstilts.export_model("trained", tmp_path / "out", copied, **setting)
    assert "train toy-same seed 0" in str(caught.value)
    for chosen, label in (
        ({"task": "toy-same"}, "train toy-same seed 0"),
        ({"target": "toy-kind"}, "train toy-kind after toy-same seed 0"),
    ):
        folder = tmp_path / label
        exported = xstilts.export_model("trained", folder, copied, **setting, **chosen)
        assert exported.label == label


def test_a_training_that_has_not_finished_is_no_second_match(
    toy_file: Path, copied: Path, tmp_path: Path
) -> None:
    changed = xstilts.load(str(toy_file), [*SMALL, "recipes.target.epochs=3"])
    save_record(changed, compile_experiment(changed), Store(copied))
    assert len(list(saved_records(Store(copied), "small"))) == 2
    exported = xstilts.export_model("small", tmp_path / "out", copied, **BASELINE)
    label = "train toy-kind (baseline) seed 0"
    assert (exported.label, Store(copied).has(exported.key)) == (label, True)
    assert xstilts.export_model(label, tmp_path / "same", copied).key == exported.key


def test_a_file_means_the_experiment_of_its_name_in_the_store(
    toy_file: Path, finished: Path, tmp_path: Path
) -> None:
    file = tmp_path / "other-name.yaml"
    file.write_text(f"extends: {toy_file}\nname: small\n", encoding="utf-8")
    exported = xstilts.export_model(str(file), tmp_path / "out", finished, **BASELINE)
    assert exported.label == "train toy-kind (baseline) seed 0"
    (note,) = exported.notes
    assert "other-name.yaml has changed since" in note
    assert "seeds" in note
    with pytest.raises(ConfigError, match="no experiment file"):
        xstilts.export_model("absent.yaml", tmp_path / "x", finished, **BASELINE)
    file.write_text(f"extends: {toy_file}\nname: never-run\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="never-run is not an experiment in the store"):
        xstilts.export_model(str(file), tmp_path / "x", finished, **BASELINE)


def test_a_folder_with_files_is_not_replaced(finished: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ConfigError, match="not empty"):
        xstilts.export_model("small", tmp_path, finished, **BASELINE)
    with pytest.raises(ConfigError, match="file of the store"):
        xstilts.export_model("small", finished / "artifacts" / "out", finished, **BASELINE)


def test_dropped_weights_are_trained_again_only_if_asked(copied: Path, tmp_path: Path) -> None:
    key = xstilts.export_model("small", tmp_path / "before", copied, **BASELINE).key
    drop(Store(copied).artifact(key), [BODY], "test")
    with pytest.raises(StoreError, match="--train"):
        xstilts.export_model("small", tmp_path / "out", copied, **BASELINE)
    words = ["export", key[:8], "--to", str(tmp_path / "out"), "--store", str(copied), "--train"]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    assert "✓ train toy-kind (baseline) seed 0" in result.stderr
    assert "0/1 stages" in result.stderr
    weights = [tmp_path / name / "model.safetensors" for name in ("before", "out")]
    assert weights[0].read_bytes() == weights[1].read_bytes()


def test_a_quiet_export_trains_without_progress(copied: Path, tmp_path: Path) -> None:
    (key,) = {
        stage.key
        for record in saved_records(Store(copied))
        for stage in record.plan.stages
        if stage.label == "train toy-kind (baseline) seed 0"
    }
    drop(Store(copied).artifact(key), [BODY], "test")
    words = ["export", key[:8], "--to", str(tmp_path / "out"), "--store", str(copied), "--train"]
    result = CliRunner().invoke(app, [*words, "--quiet"])
    assert result.exit_code == 0, result.output
    assert result.stderr == ""


@pytest.fixture(scope="module")
def mixture(toy_file: Path, tmp_path_factory: pytest.TempPathFactory, run_in_process: Any) -> Path:
    """A store with one training with adapters on two tasks."""
    loaded = xstilts.load(
        str(toy_file),
        [
            "name=mixture",
            "seeds=[0]",
            "intermediate=[toy-same+toy-tags]",
            "baseline=toy-same+toy-tags",
            "targets=[toy-search]",
            "recipes.intermediate.epochs=1",
            "recipes.intermediate.lora={r: 2}",
            "retrieval.layer=last",
        ],
    )
    store = tmp_path_factory.mktemp("mixture") / "store"
    assert run_in_process(loaded, store).exit_code == 0
    return store


@pytest.mark.parametrize(
    ("task", "opens_with"),
    [
        ("toy-same", "AutoModelForSequenceClassification"),
        ("toy-tags", "AutoModelForTokenClassification"),
    ],
)
def test_each_head_of_a_mixture_can_be_exported(
    mixture: Path, tmp_path: Path, task: str, opens_with: str
) -> None:
    exported = xstilts.export_model("mixture", tmp_path / "out", mixture, task=task)
    assert exported.opens_with == (opens_with,)
    assert exported.difference < 1e-5
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert "`toy-same` + `toy-tags`" in card
    assert f"--task {task}" in card


def python_blocks(card: Path) -> list[str]:
    """The Python code of a card."""
    parts = card.read_text(encoding="utf-8").split("```python\n")[1:]
    return [part.partition("```")[0] for part in parts]


@pytest.mark.parametrize("task", ["toy-same", "toy-tags"])
def test_the_code_of_the_card_runs(
    mixture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, task: str
) -> None:
    xstilts.export_model("mixture", tmp_path / "out", mixture, task=task)
    monkeypatch.chdir(tmp_path)
    (code,) = python_blocks(tmp_path / "out" / "README.md")
    assert ("text_pair" in code) == (task == "toy-same")
    exec(compile(code, "README.md", "exec"), {})


def test_the_card_says_which_class_opens_a_mean_pooled_model_with_a_random_head(
    toy_file: Path, finished: Path, tmp_path: Path, run_in_process: Any
) -> None:
    loaded = xstilts.load(
        str(toy_file),
        ["name=mean", "seeds=[0]", "intermediate=[none]", "targets=[toy-kind]",
         "encoder={name: ./encoder, pooling: mean}", "recipes.target.epochs=1"],
    )  # fmt: skip
    assert run_in_process(loaded, tmp_path / "store").exit_code == 0
    exported = xstilts.export_model("mean", tmp_path / "out", tmp_path / "store")
    assert exported.opens_with[0] == "SentenceTransformer"
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert "Not with `AutoModelForSequenceClassification`" in card
    assert "random head" in card
    heads = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        model = AutoModelForSequenceClassification.from_pretrained(tmp_path / "out")
        heads.append(torch.cat([one.flatten() for one in model.classifier.parameters()]))
    assert not torch.equal(*heads)
    xstilts.export_model("small", tmp_path / "cls", finished, **BASELINE)
    assert "random head" not in (tmp_path / "cls" / "README.md").read_text(encoding="utf-8")


def test_several_heads_without_a_choice_are_refused(mixture: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="toy-same, toy-tags"):
        xstilts.export_model("mixture", tmp_path / "out", mixture)
    with pytest.raises(UnknownNameError):
        xstilts.export_model("mixture", tmp_path / "out", mixture, task="toy-kind")
    exported = xstilts.export_model("mixture", tmp_path / "out", mixture, with_head=False)
    assert exported.opens_with[0] == "SentenceTransformer"
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert "| toy-search |" in card
    assert "toy-tags" not in card.partition("## Scores")[2].partition("## Data")[0]


def test_an_encoder_is_cut_at_the_block_that_its_retrieval_results_are_of(
    toy_file: Path, tmp_path: Path, run_in_process: Any
) -> None:
    loaded = xstilts.load(
        str(toy_file),
        [
            "name=first-block",
            "seeds=[0]",
            "intermediate=[toy-same+toy-tags]",
            "baseline=toy-same+toy-tags",
            "targets=[toy-search]",
            "recipes.intermediate.epochs=1",
            "retrieval.layer=1",
        ],
    )
    store = tmp_path / "store"
    assert run_in_process(loaded, store).exit_code == 0
    known = xstilts.results(None, store)["value"].tolist()
    whole = xstilts.export_model("first-block", tmp_path / "all", store, with_head=False)
    assert "--layer 1" in whole.notes[0]
    assert "no test scores" in (tmp_path / "all" / "README.md").read_text(encoding="utf-8")
    cut = xstilts.export_model("first-block", tmp_path / "cut", store, with_head=False, layer=1)
    assert cut.difference < 1e-5
    assert cut.notes == ()
    assert AutoModel.from_pretrained(tmp_path / "cut").config.num_hidden_layers == 1
    card = huggingface_hub.ModelCard.load(tmp_path / "cut" / "README.md")
    stated = [one.metric_value for one in card.data.eval_results]
    assert stated == [pytest.approx(value, abs=1e-4) for value in known]
    with pytest.raises(ConfigError, match="2 blocks"):
        xstilts.export_model("first-block", tmp_path / "x", store, with_head=False, layer=5)
    with pytest.raises(ConfigError, match="last block"):
        xstilts.export_model("first-block", tmp_path / "x", store, task="toy-same", layer=1)


class FakeApi:
    """What of the hub's API an upload uses."""

    def __init__(self) -> None:
        self.uploaded: dict[str, list[str]] = {}

    def create_repo(self, name: str, **options: Any) -> str:
        assert options == {"repo_type": "model", "private": True, "exist_ok": True}
        return f"https://hub/{name}"

    def upload_folder(self, *, repo_id: str, folder_path: Path, **options: Any) -> None:
        self.uploaded[repo_id] = sorted(path.name for path in folder_path.iterdir())


def test_a_push_uploads_the_whole_folder(finished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    api = FakeApi()
    monkeypatch.setattr(huggingface_hub, "HfApi", lambda: api)
    exported = xstilts.export_model(
        "small", store=finished, push="me/toy", private=True, **BASELINE
    )
    assert exported.url == "https://hub/me/toy"
    assert exported.path is None
    assert {"README.md", "config.json", "model.safetensors", "tokenizer.json"} < set(
        api.uploaded["me/toy"]
    )


def test_a_push_without_a_network_says_so_and_keeps_the_folder(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Offline(FakeApi):
        def create_repo(self, name: str, **options: Any) -> str:
            raise huggingface_hub.errors.OfflineModeIsEnabled("offline")

    monkeypatch.setattr(huggingface_hub, "HfApi", Offline)
    with pytest.raises(HubError, match="offline"):
        xstilts.export_model("small", tmp_path / "out", finished, push="me/toy", **BASELINE)
    assert (tmp_path / "out" / "config.json").is_file()
    with pytest.raises(HubError, match="--to DIR keeps"):
        xstilts.export_model("small", None, finished, push="me/toy", **BASELINE)
    with pytest.raises(HubError, match="--push"):
        xstilts.export_model("small", store=finished, push="a/b/c", **BASELINE)


def test_the_command_says_how_the_folder_is_opened(finished: Path, tmp_path: Path) -> None:
    arguments = ["--store", str(finished), "--target", "toy-kind", "--setting", "none", "--json"]
    folder = tmp_path / "out"
    result = CliRunner().invoke(app, ["export", "small", "--to", str(folder), *arguments])
    assert result.exit_code == 0, result.output
    shown = json.loads(result.stdout)
    assert shown["path"] == str(folder)
    assert shown["opens_with"] == ["AutoModelForSequenceClassification"]
