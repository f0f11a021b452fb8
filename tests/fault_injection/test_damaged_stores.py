"""Damage that several files have, or that a running process meets."""

from __future__ import annotations

import random
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import xstilts
from xstilts.cli.exit_codes import run_command
from xstilts.config.load import LoadedExperiment
from xstilts.core.stage import Stage
from xstilts.core.store import Store
from xstilts.executors import worker
from xstilts.planning.compile import compile_experiment
from xstilts.testing.damages import flip_a_bit


def test_one_run_makes_all_damaged_scores_again(
    small: LoadedExperiment, copied: Path, in_process: None
) -> None:
    draw, before = random.Random(0), xstilts.gains(small, copied)
    files = sorted(copied.glob("artifacts/*/statistics.parquet"))
    assert len(files) > 2
    for file in files:
        file.write_bytes(flip_a_bit(file.read_bytes(), draw))
    result = xstilts.run(small, copied)
    assert sorted(result.done) == [file.parent.name for file in files]
    pd.testing.assert_frame_equal(xstilts.gains(small, copied), before)
    assert len(list((copied / "damaged").iterdir())) == len(files)


def predicting(small: LoadedExperiment, store: Store) -> Stage:
    """A stage to do, whose inputs this process has verified."""
    stage = next(
        stage for stage in compile_experiment(small).plan.stages if stage.kind == "predict"
    )
    shutil.rmtree(store.artifact(stage.key).path)
    for key in stage.inputs.values():
        worker._verified(store.artifact(key))
    return stage


@pytest.mark.parametrize("is_missing", [True, False])
def test_an_input_damaged_after_it_was_verified_is_named_and_not_a_failure(
    small: LoadedExperiment, copied: Path, is_missing: bool
) -> None:
    store, messages = Store(copied), list[dict[str, Any]]()
    stage = predicting(small, store)
    rows = store.artifact(stage.inputs["rows"])
    file = rows / "rows.parquet"
    if is_missing:
        file.unlink()
    else:
        file.write_bytes(bytes(len(file.read_bytes())))
    worker.run_stage(store, stage, messages.append)
    assert [message["event"] for message in messages] == ["started", "damaged"]
    assert messages[-1]["damaged"] == rows.key
    assert "rows.parquet" in messages[-1]["problem"]


def test_a_file_that_vanishes_while_a_command_runs_ends_in_words(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def command() -> None:
        (tmp_path / "journal.jsonl").read_bytes()

    assert run_command(command) == 4
    printed = capsys.readouterr().err
    assert "journal.jsonl" in printed
    assert "→" in printed
