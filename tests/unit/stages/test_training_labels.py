"""Nothing is trained on labels that say nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import xstilts
from xstilts.core.errors import DataError
from xstilts.core.store import Store
from xstilts.executors.worker import execute_stage
from xstilts.planning.compile import compile_experiment

EXPERIMENT = """\
name: constant
encoder: ./encoder
intermediate: [none]
targets: [mine]
languages: [en, xx]
seeds: [0]
few_shot: {examples: [20]}
recipes: {target: {epochs: 1, checkpoint: last}}
tasks:
  mine:
    format: classification
    files: "{split}-{language}.tsv"
    splits: {train: [en, xx], dev: [en], test: [en, xx]}
    columns: [text, label]
    labels: [a, b]
"""
JSONL = 'tasks.mine.files="{split}-{language}.jsonl"'
CHOICES = (
    "tasks.mine.format=multiple_choice",
    "tasks.mine.columns=null",
    "tasks.mine.labels=['0', '1']",
)
TAGS = ("tasks.mine.format=tagging", "tasks.mine.columns=null", "tasks.mine.labels=[O, B-X, I-X]")


@pytest.fixture
def folder(toy_file: Path, tmp_path: Path) -> Path:
    (tmp_path / "encoder").symlink_to(toy_file.parent / "encoder")
    return tmp_path


def trained(folder: Path, labels: dict[str, str], *changes: str) -> None:
    """Run the stages of a target with few shots of `xx`; labels of each file, one letter a row."""
    for name, letters in labels.items():
        lines = [f"the cat is here {n}\t{label}\n" for n, label in enumerate(letters)]
        (folder / f"{name}.tsv").write_text("".join(lines))
    trained_files(folder, *changes)


def trained_files(folder: Path, *changes: str) -> None:
    path, store = folder / "x.yaml", Store(folder / "store").prepare()
    path.write_text(EXPERIMENT)
    for stage in compile_experiment(xstilts.load(str(path), changes)).plan.stages:
        if stage.kind not in ("predict", "score"):
            execute_stage(store, stage, lambda _: None)


MIXED = "ab" * 12
FILES = {"train-en": MIXED, "train-xx": MIXED, "dev-en": "ab", "test-en": "ab", "test-xx": "ab"}
CONSTANT = "a" * 24


def test_training_labels_that_are_all_the_same_are_refused(folder: Path) -> None:
    with pytest.raises(DataError, match="training labels of mine are blank or all the same"):
        trained(folder, FILES | {"train-en": CONSTANT})


@pytest.mark.parametrize(("limit", "is_advised"), [(24, True), (25, True), (26, False)])
def test_a_limit_is_to_be_raised_if_it_chose_the_labels(
    folder: Path, limit: int, is_advised: bool
) -> None:
    with pytest.raises(DataError) as caught:
        trained(folder, FILES | {"train-en": "a" * 25}, f"limits.train={limit}")
    assert ("`limits.train`" in (caught.value.todo or "")) == is_advised


def test_few_shots_may_have_one_label(folder: Path) -> None:
    trained(folder, FILES | {"train-xx": CONSTANT})


@pytest.mark.parametrize(("tag", "is_refused"), [("O", True), ("B-X", False)])
def test_a_few_sentences_without_a_tag_but_o_are_refused(
    folder: Path, tag: str, is_refused: bool
) -> None:
    for name in FILES:
        tags = ["O", "B-X"] if name != "train-en" else [tag, tag]
        rows = [{"tokens": ["the", f"cat{n}"], "tags": tags} for n in range(3)]
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    changes = (*TAGS, JSONL, "few_shot=null")
    if not is_refused:
        trained_files(folder, *changes)
        return
    with pytest.raises(DataError, match="training labels of mine are blank or all the same"):
        trained_files(folder, *changes)


def test_the_right_choice_may_always_be_the_first(folder: Path) -> None:
    """As in SciQ: a model scores each choice, wherever it stands."""
    for name in FILES:
        rows = [
            {"text": f"what is {n}?", "choice1": "it", "choice2": f"cat {n}", "label": "0"}
            for n in range(24)
        ]
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    trained_files(folder, *CHOICES, JSONL, "few_shot=null", "recipes.target.checkpoint=best")
