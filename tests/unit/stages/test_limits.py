"""Limits on users' files: a fair sample, whatever the order of the file."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

import xstilts
from xstilts.core.stage import Stage
from xstilts.core.store import Store
from xstilts.executors.worker import execute_stage
from xstilts.planning.compile import compile_experiment
from xstilts.stages.io.rows import read_rows
from xstilts.testing.tiny import write_experiment


@pytest.fixture(scope="module")
def experiment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_experiment(tmp_path_factory.mktemp("limits"))


def labelled(count: int, label: str) -> list[str]:
    return [f"{label} {number}\t{label}" for number in range(count)]


def prepared(experiment: Path, lines: list[str], limit: int | None, store: Path) -> list[Any]:
    """The training rows of `toy-kind`, from a file with these lines."""
    (experiment.parent / "data" / "kind-train-en.tsv").write_text("\n".join(lines) + "\n")
    stage = train_stage(experiment, limit)
    execute_stage(Store(store).prepare(), stage, lambda _: None)
    return read_rows(Store(store).artifact(stage.key) / "rows.parquet")


def train_stage(experiment: Path, limit: int | None) -> Stage:
    changes = ["targets=[toy-kind]", "intermediate=[none]", "seeds=[0]"]
    limits = [f"limits={{train: {limit}}}"] if limit else []
    plan = compile_experiment(xstilts.load(str(experiment), changes + limits)).plan
    (stage,) = (
        stage
        for stage in plan.stages
        if stage.kind == "prepare" and stage.params["split"] == "train"
    )
    return stage


def test_a_file_that_is_sorted_by_label_gives_every_label(experiment: Path, tmp_path: Path) -> None:
    lines = labelled(40, "animal") + labelled(40, "food") + labelled(40, "tool")
    rows = prepared(experiment, lines, 30, tmp_path)
    counts = [[row["label"] for row in rows].count(label) for label in ("animal", "food", "tool")]
    assert sum(counts) == 30
    assert min(counts) >= 4


def test_larger_limits_and_appended_rows_keep_most_of_a_sample(
    experiment: Path, tmp_path: Path
) -> None:
    lines = labelled(100, "animal")
    random.Random(0).shuffle(lines)
    samples = [
        {row["text"] for row in prepared(experiment, lines, limit, tmp_path / str(limit))}
        for limit in (20, 40)
    ]
    assert samples[0] < samples[1]
    more = prepared(experiment, [*lines, *labelled(10, "food")], 20, tmp_path / "more")
    assert len(samples[0] & {row["text"] for row in more}) >= 14


def test_only_limited_files_in_their_own_order_have_a_new_key(experiment: Path) -> None:
    assert "sample" not in train_stage(experiment, None).params
    assert train_stage(experiment, 20).params["sample"] == 1


def test_without_a_limit_rows_stay_in_the_order_of_the_file(
    experiment: Path, tmp_path: Path
) -> None:
    lines = labelled(40, "animal")
    rows = prepared(experiment, lines, None, tmp_path)
    assert [row["text"] for row in rows] == [line.partition("\t")[0] for line in lines]


def retrieval_stages(experiment: Path, *changes: str) -> dict[str, Stage]:
    """Language → the stage that prepares the sentences of `toy-search`."""
    options = ["targets=[toy-search]", "intermediate=[none]", "seeds=[0]", *changes]
    plan = compile_experiment(xstilts.load(str(experiment), options)).plan
    return {one.params["language"]: one for one in plan.stages if one.kind == "prepare"}


@pytest.mark.parametrize(
    "change", ["limits={test: 5}", "splits={toy-search: {test: 'test[:40%]'}}"]
)
def test_sentences_with_one_meaning_stay_together(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, change: str
) -> None:
    experiment = write_experiment(tmp_path_factory.mktemp("search"))
    path = experiment.parent / "data" / "search-test-xx.tsv"
    path.write_text("".join(reversed(path.read_text("utf-8").splitlines(keepends=True))))
    stages, meanings = retrieval_stages(experiment, change), []
    for stage in stages.values():
        execute_stage(Store(tmp_path).prepare(), stage, lambda _: None)
        rows = read_rows(Store(tmp_path).artifact(stage.key) / "rows.parquet")
        meanings.append({row["meaning"] for row in rows})
        assert stage.params["alignment_version"] == 2
    assert len(meanings) == 2
    assert meanings[0] == meanings[1]
    assert 0 < len(meanings[0]) < 15
    full = retrieval_stages(experiment).values()
    assert not any("alignment_version" in stage.params for stage in full)
