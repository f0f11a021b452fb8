"""Nothing is trained on labels that say nothing."""

from __future__ import annotations

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


def trained(folder: Path, labels: dict[str, str]) -> None:
    """Run the stages of a target with few shots of `xx`; labels of each file, one letter a row."""
    for name, letters in labels.items():
        lines = [f"the cat is here {n}\t{label}\n" for n, label in enumerate(letters)]
        (folder / f"{name}.tsv").write_text("".join(lines))
    path, store = folder / "x.yaml", Store(folder / "store").prepare()
    path.write_text(EXPERIMENT)
    for stage in compile_experiment(xstilts.load(str(path))).plan.stages:
        if stage.kind not in ("predict", "score"):
            execute_stage(store, stage, lambda _: None)


MIXED = "ab" * 12
FILES = {"train-en": MIXED, "train-xx": MIXED, "dev-en": "ab", "test-en": "ab", "test-xx": "ab"}
CONSTANT = "a" * 24


def test_training_labels_that_are_all_the_same_are_refused(toy_file: Path, tmp_path: Path) -> None:
    (tmp_path / "encoder").symlink_to(toy_file.parent / "encoder")
    with pytest.raises(DataError, match="training labels of mine are blank or all the same"):
        trained(tmp_path, FILES | {"train-en": CONSTANT})


def test_few_shots_may_have_one_label(toy_file: Path, tmp_path: Path) -> None:
    (tmp_path / "encoder").symlink_to(toy_file.parent / "encoder")
    trained(tmp_path, FILES | {"train-xx": CONSTANT})
