"""`data check` of an experiment: splits that its plan is refused without."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

import xstilts
from xstilts.core.errors import ConfigError
from xstilts.planning.compile import compile_experiment
from xstilts.tasks.data_check import SplitReport, SplitState

SPLITS = {"train": ["en"], "dev": ["en"], "test": ["en", "de"]}


def checked(folder: Path, have: dict[str, list[str]], **changes: Any) -> list[SplitReport]:
    """The splits that fail, of an experiment with files for all splits."""
    for split in ("train", "dev", "validation", "test", "tests"):
        for code in ("en", "de"):
            rows = [f"{split} {code} {n}\t{'ab'[n % 2]}\n" for n in range(6)]
            (folder / f"{split}-{code}.tsv").write_text("".join(rows))
    task = {
        "format": "classification",
        "files": "{split}-{language}.tsv",
        "splits": have,
        "columns": ["text", "label"],
        "labels": ["a", "b"],
    }
    experiment = {
        "name": "x",
        "encoder": "e5-small-packaged",
        "intermediate": ["none"],
        "targets": ["mine"],
        "tasks": {"mine": task},
    }
    (folder / "x.yaml").write_text(yaml.safe_dump(experiment | changes))
    return [report for report in xstilts.check_data(str(folder / "x.yaml")) if report.fails]


def test_complete_data_and_splits_that_are_sliced_do_not_fail(tmp_path: Path) -> None:
    assert not checked(tmp_path, SPLITS)
    slices = {"train": "train[:50%]", "dev": "train[50%:]"}
    no_dev = {"train": ["en"], "test": ["en", "de"]}
    assert not checked(tmp_path, no_dev, splits={"mine": slices})


@pytest.mark.parametrize(
    ("splits", "missing", "todo"),
    [
        ({"train": ["en"], "validation": ["en"], "test": ["en"]}, "dev", "instead of validation"),
        ({"train": ["en"], "dev": ["en"], "tests": ["en"]}, "test", "instead of tests"),
        ({"train": ["en"], "dev": ["de"], "test": ["en"]}, "dev", "train[90%:]"),
        ({"train": ["en"], "test": ["en"]}, "dev", "train[90%:]"),
    ],
)
def test_a_split_that_the_plan_is_refused_without_fails(
    tmp_path: Path, splits: dict[str, list[str]], missing: str, todo: str
) -> None:
    (report,) = checked(tmp_path, splits)
    place = report.task, report.split, report.language, report.state
    assert place == ("mine", missing, "en", SplitState.MISSING)
    assert todo in report.why
    with pytest.raises(ConfigError):
        compile_experiment(xstilts.load(tmp_path / "x.yaml"))
