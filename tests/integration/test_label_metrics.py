"""Own tasks get a metric that fits their labels, or the run does not start."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from xstilts.config.load import LoadedExperiment, load
from xstilts.core.errors import ConfigError, DataError
from xstilts.core.store import Store
from xstilts.planning.compile import compile_experiment

RunHere = Callable[[LoadedExperiment, Path], Store]
WORDS = ["I", "saw", "a", "cat", "today"]


def sentence(number: int, tags: str) -> str:
    return json.dumps({"tokens": [*WORDS[:4], f"{number}"], "tags": tags.split()}) + "\n"


def experiment(
    toy_file: Path,
    folder: Path,
    labels: Sequence[str],
    tags: str,
    *overrides: str,
    dev_tags: str = "",
    **task: Any,
) -> LoadedExperiment:
    """One tagging task whose sentences all have the tags, or O everywhere in every third."""
    for split in ("train", "dev", "test"):
        given = dev_tags if split == "dev" and dev_tags else tags
        outside = " ".join(labels[0] for _ in WORDS)
        lines = [sentence(n, outside if n % 3 == 2 else given) for n in range(24)]
        (folder / f"{split}-en.jsonl").write_text("".join(lines), encoding="utf-8")
    mine = {
        "format": "tagging",
        "files": "{split}-{language}.jsonl",
        "splits": {split: ["en"] for split in ("train", "dev", "test")},
        "labels": list(labels),
        **task,
    }
    path = folder / "mine.yaml"
    tree = {
        "name": "mine",
        "encoder": str(toy_file.parent / "encoder"),
        "intermediate": ["none"],
        "targets": ["mine"],
        "recipes": {"target": {"learning_rate": 3e-3, "epochs": 1, "num_evals": 2}},
        "tasks": {"mine": mine},
    }
    path.write_text(json.dumps(tree), encoding="utf-8")
    return load(str(path), overrides)


def facts(store: Store, loaded: LoadedExperiment, kind: str) -> list[Mapping[str, Any]]:
    stages = compile_experiment(loaded).plan.stages
    return [store.artifact(stage.key).facts for stage in stages if stage.kind == kind]


def metrics_of(loaded: LoadedExperiment) -> list[str]:
    (cell,) = compile_experiment(loaded).cells
    return list(cell.metrics)


@pytest.mark.parametrize("labels", [("PRON", "VERB", "NOUN"), ("O", "B", "I")])
def test_tags_without_prefixes_are_scored_by_accuracy_and_pos_f1(
    toy_file: Path, tmp_path: Path, run_here: RunHere, labels: Sequence[str]
) -> None:
    tags = " ".join((labels * 2)[:5])
    loaded = experiment(toy_file, tmp_path, labels, tags)
    (scored,) = facts(run_here(loaded, tmp_path / "store"), loaded, "score")
    assert set(scored["scores"]) == {"tag_accuracy", "pos_f1"}
    assert metrics_of(loaded) == ["tag_accuracy", "pos_f1"]
    assert scored["scores"]["tag_accuracy"]["value"] > 0


def test_a_metric_that_can_count_nothing_is_refused_with_its_line(
    toy_file: Path, tmp_path: Path
) -> None:
    loaded = experiment(toy_file, tmp_path, ["A", "B"], "A B A B A", metrics=["span_f1"])
    with pytest.raises(ConfigError, match="span_f1 does not fit the labels of mine") as error:
        compile_experiment(loaded)
    assert str(error.value).startswith(f"{tmp_path / 'mine.yaml'}:1: tasks.mine.metrics")


def test_labels_with_and_without_prefixes_are_refused(toy_file: Path, tmp_path: Path) -> None:
    labels, tags = ["O", "B-X", "NOUN"], "O B-X NOUN O O"
    with pytest.raises(ConfigError, match="without: NOUN"):
        compile_experiment(experiment(toy_file, tmp_path, labels, tags))
    compile_experiment(experiment(toy_file, tmp_path, labels, tags, metrics=["tag_accuracy"]))


@pytest.mark.parametrize(
    ("labels", "tags", "scheme", "metrics"),
    [
        ("O B-X I-X E-X S-X", "S-X O B-X I-X E-X", "BIOES", ["span_f1_strict", "span_f1"]),
        ("O I-X", "I-X O I-X I-X I-X", "IOB1", ["span_f1_strict", "span_f1"]),
        ("O B-X I-X", "I-X O I-X I-X B-X", "IOB1", ["span_f1"]),
    ],
)
def test_other_schemes_are_converted_to_bio_and_counted(
    toy_file: Path,
    tmp_path: Path,
    run_here: RunHere,
    labels: str,
    tags: str,
    scheme: str,
    metrics: list[str],
) -> None:
    loaded = experiment(toy_file, tmp_path, labels.split(), tags)
    store = run_here(loaded, tmp_path / "store")
    prepared = facts(store, loaded, "prepare")
    assert [one["problems"][f"tags in {scheme}, kept as BIO"] for one in prepared] == [16] * 3
    (scored,) = facts(store, loaded, "score")
    assert set(scored["scores"]) == set(metrics)
    assert metrics_of(loaded) == metrics
    (stage,) = (one for one in compile_experiment(loaded).plan.stages if one.kind == "train")
    assert stage.params["tasks"]["mine"]["labels"] == ["O", "B-X", "I-X"]


def test_tags_stay_as_they_are_where_single_tags_are_scored(toy_file: Path, tmp_path: Path) -> None:
    labels = ["O", "B-X", "E-X"]
    loaded = experiment(toy_file, tmp_path, labels, "O O O B-X E-X", metrics=["tag_accuracy"])
    (stage,) = (one for one in compile_experiment(loaded).plan.stages if one.kind == "train")
    assert stage.params["tasks"]["mine"]["labels"] == labels


def test_a_dev_set_without_anything_to_count_is_refused_before_training(
    toy_file: Path, tmp_path: Path, run_here: RunHere
) -> None:
    pos = {"metrics": ["span_f1"], "dev_tags": "O O O O O"}
    loaded = experiment(toy_file, tmp_path, ["O", "B-X"], "O O O B-X O", **pos)
    with pytest.raises(DataError, match="no checkpoint can be chosen"):
        run_here(loaded, tmp_path / "store")


def test_dev_scores_of_zero_choose_the_last_checkpoint_and_say_so(
    toy_file: Path, tmp_path: Path, run_here: RunHere
) -> None:
    longer = ("recipes.target.epochs=8", "recipes.target.learning_rate=1e-2")
    loaded = experiment(toy_file, tmp_path, ["O", "B-X"], "O O O O B-X", *longer)
    train = tmp_path / "train-en.jsonl"
    first, *rows = train.read_text(encoding="utf-8").replace("B-X", "O").splitlines(keepends=True)
    train.write_text(first.replace("O", "B-X", 1) + "".join(rows), encoding="utf-8")
    (trained,) = facts(run_here(loaded, tmp_path / "store"), loaded, "train")
    assert trained["dev"]["mine"] == 0
    assert trained["best_step"] == trained["steps"]
    assert any("all dev scores are 0" in event for event in trained["events"])


def test_labels_are_mapped_before_they_are_checked(
    toy_file: Path, tmp_path: Path, run_here: RunHere
) -> None:
    labels = ["O", "B-PER", "I-PER"]
    mapping = {"DATE": "O", "PERSON": "PER", "X": "O"}
    loaded = experiment(
        toy_file, tmp_path, labels, "B-PERSON I-PERSON X B-DATE O", label_map=mapping
    )
    store = run_here(loaded, tmp_path / "store")
    assert [one["problems"].get("label outside the set") for one in facts(store, loaded, "prepare")]
    unmapped = experiment(toy_file, tmp_path, labels, "B-PERSON I-PERSON X B-DATE O")
    with pytest.raises(DataError, match="label outside the set"):
        run_here(unmapped, tmp_path / "other")
    with pytest.raises(ConfigError, match="maps labels to LOC"):
        compile_experiment(
            experiment(toy_file, tmp_path, labels, "O O O O O", label_map={"DATE": "LOC"})
        )


def test_a_training_set_in_which_no_word_is_read_is_refused(
    toy_file: Path, tmp_path: Path, run_here: RunHere
) -> None:
    encoder = tmp_path / "encoder"
    shutil.copytree(toy_file.parent / "encoder", encoder)
    tokenizer = json.loads((encoder / "tokenizer.json").read_text(encoding="utf-8"))
    tokenizer["normalizer"] = {"type": "Replace", "pattern": {"Regex": "[^0]"}, "content": ""}
    (encoder / "tokenizer.json").write_text(json.dumps(tokenizer), encoding="utf-8")
    loaded = experiment(toy_file, tmp_path, ["A", "B"], "A B A B A", f"encoder={encoder}")
    train = (tmp_path / "train-en.jsonl").read_text(encoding="utf-8")
    (tmp_path / "train-en.jsonl").write_text(train.replace("0", "1"), encoding="utf-8")
    with pytest.raises(DataError, match="reads no labelled word"):
        run_here(loaded, tmp_path / "store")
