"""Tasks of tasksource in whole experiments; a cache of one's own stands in for the Hub."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

import xstilts
from xstilts.cli.app import app
from xstilts.config.load import LoadedExperiment
from xstilts.core.errors import ConfigError
from xstilts.executors.base import RunResult
from xstilts.planning.compile import compile_experiment
from xstilts.tasks.tasksource.record import record_file
from xstilts.testing.cached_hub import COMMIT, write_cached_file
from xstilts.testing.tiny import WORDS_BY_KIND, sentences

RTE, DOTTED, CHOICE = (
    "tasksource:glue/rte",
    "tasksource:commonsense_qa_2.0",
    "tasksource:sciq",
)
TAGS = "tasksource:conll2003/ner_tags"
SETTINGS = [
    "none",
    RTE,
    f"{RTE}+{DOTTED}",
    f"{CHOICE} > {TAGS}",
    f"{RTE}-shuffled-labels",
]


@pytest.fixture
def downloaded(hub_home: Path, recorded_tasksource: list[tuple[str, str]]) -> Path:
    """A pair, a text, a choice and a tagging task, downloaded."""
    for split, count in (("train", 48), ("validation", 12)):
        rows = list(sentences(split, count))
        texts = [text for text, _, _ in rows]
        same = [number % 2 for number in range(count)]
        pair = {"sentence1": texts, "sentence2": ["this" if one else "that" for one in same]}
        write_cached_file(
            *(hub_home, "nyu-mll/glue", f"rte/{split}/0000.parquet", {**pair, "label": same}),
            {"label": ["entailment", "not_entailment"]},
        )
        options = [sorted(WORDS_BY_KIND[kind])[:4] for _, kind, _ in rows]
        choices = dict(
            zip(
                ("correct_answer", "distractor1", "distractor2", "distractor3"),
                map(list, zip(*options, strict=True)),
                strict=True,
            )
        )
        choices |= {"question": texts}
        write_cached_file(hub_home, "allenai/sciq", f"default/{split}/0000.parquet", choices)
        tags = {
            "tokens": [text.split() for text in texts],
            "ner_tags": [[int(word == noun) for word in text.split()] for text, _, noun in rows],
        }
        write_cached_file(
            *(hub_home, "tomaarsen/conll2003", f"default/{split}/0000.parquet", tags),
            {"ner_tags": ["O", "B-THING", "I-THING"]},
        )
    texts = [text for text, _, _ in sentences("train", 60)]
    answers = {"question": texts, "answer": ["yes" if "the" in text else "no" for text in texts]}
    write_cached_file(
        hub_home, "tasksource/commonsense_qa_2.0", "default/train/0000.parquet", answers
    )
    for name in (RTE, DOTTED, CHOICE, TAGS):
        xstilts.download_task(name)
    return hub_home


@pytest.fixture
def experiment(toy_file: Path, downloaded: Path) -> LoadedExperiment:
    return xstilts.load(
        str(toy_file),
        [
            "name=hub-sets",
            "seeds=[0]",
            f"intermediate={json.dumps(SETTINGS)}",
            "targets=[toy-kind]",
            "recipes.intermediate.epochs=1",
        ],
    )


def test_plan_run_and_outputs(
    experiment: LoadedExperiment,
    run_in_process: Callable[..., RunResult],
    recorded_tasksource: list[tuple[str, str]],
    tmp_path: Path,
) -> None:
    asked = len(recorded_tasksource)
    store, out = tmp_path / "store", tmp_path / "out"
    done = run_in_process(experiment, store, trackers=["jsonl"])
    assert done.exit_code == 0, done.failed
    assert len(recorded_tasksource) == asked  # neither planning nor running asks for a listing
    frame = xstilts.results(experiment, store)
    assert set(frame["intermediate"]) == set(SETTINGS) - {f"{RTE}+{DOTTED}"} | {f"{DOTTED}+{RTE}"}
    xstilts.report(experiment, out / "report.html", store)
    page = (out / "report.html").read_text(encoding="utf-8")
    assert RTE in page
    assert "https://huggingface.co/datasets/nyu-mll/glue" in page.replace("<wbr>", "")
    assert "cc0-1.0" in page
    gains = xstilts.gains(experiment, store)
    assert RTE in set(gains["intermediate"])
    assert not [path for path in store.rglob("*") if "tasksource" in str(path.relative_to(store))]


def test_an_own_task_cannot_have_such_a_name(toy_file: Path) -> None:
    path = toy_file.with_name("reserved.yaml")
    text = toy_file.read_text(encoding="utf-8")
    path.write_text(text.replace("toy-same", "tasksource:same"), encoding="utf-8")
    with pytest.raises(ConfigError, match="tasksource:same.*begin with tasksource:"):
        xstilts.plan(path)


def test_keys_name_data_set_commit_and_files(
    experiment: LoadedExperiment, downloaded: Path
) -> None:
    def keys() -> dict[str, str]:
        stages = compile_experiment(experiment).plan.stages
        return {stage.label: stage.key for stage in stages if stage.kind == "prepare"}

    before = keys()
    path = record_file("glue/rte")
    record = json.loads(path.read_text(encoding="utf-8"))
    assert record["revision"] == COMMIT
    path.write_text(json.dumps({**record, "revision": "f" * 40}), encoding="utf-8")
    changed = {label for label, key in keys().items() if before[label] != key}
    assert changed
    assert all("glue/rte" in label for label in changed)


def test_a_task_without_dev_holds_out_a_part_of_train(experiment: LoadedExperiment) -> None:
    stages = [
        stage
        for stage in compile_experiment(experiment).plan.stages
        if stage.kind == "prepare" and stage.params["task"] == DOTTED
    ]
    shares = sorted(tuple(stage.params["share"]) for stage in stages)
    assert shares == [(0, 95), (95, 100)]


def test_it_can_be_a_target_and_exported(
    toy_file: Path,
    downloaded: Path,
    run_in_process: Callable[..., RunResult],
    tmp_path: Path,
) -> None:
    loaded = xstilts.load(
        str(toy_file),
        [
            "name=target-of-tasksource",
            "seeds=[0]",
            "intermediate=[none, toy-same]",
            f'targets=["{RTE}"]',
            "eval_split=dev",
            f'splits={{"{RTE}": {{train: "train[:80%]", dev: "train[80%:]"}}}}',
            "recipes.target.epochs=1",
        ],
    )
    done = run_in_process(loaded, tmp_path / "store")
    assert done.exit_code == 0, done.failed
    xstilts.export_model(
        store=tmp_path / "store", target=RTE, setting="none", to=tmp_path / "model"
    )
    config = json.loads((tmp_path / "model" / "config.json").read_text(encoding="utf-8"))
    assert set(config["id2label"].values()) == {"entailment", "not_entailment"}
    assert RTE in (tmp_path / "model" / "README.md").read_text(encoding="utf-8")


def test_workers_of_their_own_read_the_cache(
    toy_file: Path, downloaded: Path, tmp_path: Path
) -> None:
    path = toy_file.with_name("tasksource.yaml")
    text = toy_file.read_text(encoding="utf-8")
    text = text.replace("[none, toy-same, toy-same+toy-tags]", f'[none, "{RTE}"]')
    text = text.replace("[toy-kind, toy-tags, toy-search]", "[toy-kind]").replace("[0, 1]", "[0]")
    path.write_text(text.replace("epochs: 6", "epochs: 1"), encoding="utf-8")
    environ = {
        **{name: value for name, value in os.environ.items() if not name.startswith("HF_")},
        "HF_HOME": str(downloaded),
        "HF_HUB_OFFLINE": "1",
    }
    command = ["run", str(path), "--store", str(tmp_path / "store")]
    done = subprocess.run(
        [sys.executable, "-m", "xstilts", *command],
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_the_plan_of_a_task_that_is_not_downloaded_names_line_and_command(
    toy_file: Path, recorded_tasksource: list[tuple[str, str]]
) -> None:
    path = toy_file.with_name("not-downloaded.yaml")
    text = toy_file.read_text(encoding="utf-8")
    path.write_text(text.replace("[none, toy-same,", f'[none, "{RTE}",'), encoding="utf-8")
    result = CliRunner().invoke(app, ["plan", str(path)])
    shown = f"{result.output} {result.exception}"
    assert "not-downloaded.yaml:" in shown
    assert f'xstilts tasks "{RTE}" --download' in " ".join(shown.split())
    assert not recorded_tasksource


def test_commands_show_list_check_and_download(
    downloaded: Path, recorded_tasksource: list[tuple[str, str]]
) -> None:
    runner = CliRunner()

    def output(*arguments: str) -> str:
        result = runner.invoke(app, list(arguments))
        assert result.exit_code == 0, result.output
        return result.output

    assert "entailment, not_entailment" in output("tasks", RTE)
    shown = output("tasks", "tasksource:glue/mnli")
    assert "hypothesis" in shown
    assert '"tasksource:glue/mnli" --download' in shown.replace("\n", " ")
    assert "cannot be read" in output("tasks", "tasksource:hellaswag")
    listed = output("tasks", "--tasksource", "glue/")
    assert "tasksource:glue/rte" in listed
    assert "sciq" not in listed
    rows = json.loads(output("tasks", "--tasksource", "sciq", "--json"))
    assert [row["task"] for row in rows] == [CHOICE]
    asked = len(recorded_tasksource)
    assert json.loads(output("tasks", RTE, "--download", "--json"))["labels"][0] == "entailment"
    assert len(recorded_tasksource) == asked + 1
    assert RTE in output("data", "check", RTE)
