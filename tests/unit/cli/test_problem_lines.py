"""Failures of a run are shown once, and what is skipped for them in one line."""

from __future__ import annotations

import pytest

import xstilts
from xstilts.cli.output.run import show_result
from xstilts.cli.progress import progress
from xstilts.config.load import LoadedExperiment
from xstilts.core.counted import counted
from xstilts.executors.base import NOTHING_STARTED, SOME_FAILED, RunResult
from xstilts.executors.events import Event


def test_a_failed_stage_is_shown_once_and_its_dependants_in_one_line(
    capsys: pytest.CaptureFixture[str], toy: LoadedExperiment, tmp_path: object
) -> None:
    summary = xstilts.plan(toy, f"{tmp_path}/store")
    failed, *others = summary.todo[:13]
    why = f"{failed.label} failed"
    with progress(summary) as on_event:
        on_event(Event("failed", failed, {"problem": "no such file"}))
        for stage in others:
            on_event(Event("skipped", stage, {"why": why}))
    result = RunResult(
        failed={failed.key: "no such file"}, skipped={stage.key: why for stage in others}
    )
    show_result(result, summary)
    captured = capsys.readouterr()
    assert (captured.out + captured.err).count("no such file") == 1
    assert captured.err.count("skipped") == 1
    assert "12 stages skipped" in captured.err
    assert "1 stage failed, 12 stages skipped" in captured.out


def test_without_progress_the_end_of_a_run_has_each_problem(
    capsys: pytest.CaptureFixture[str], toy: LoadedExperiment, tmp_path: object
) -> None:
    summary = xstilts.plan(toy, f"{tmp_path}/store")
    first, second, *_ = summary.todo
    result = RunResult(failed={first.key: "no such file"}, skipped={second.key: "first failed"})
    show_result(result, summary, in_full=True)
    shown = capsys.readouterr().out
    assert f"{first.label}: no such file" in shown
    assert "1 stage skipped: first failed" in shown


@pytest.mark.parametrize(
    ("done", "code", "final"),
    [
        ([], NOTHING_STARTED, NOTHING_STARTED),
        (["a"], NOTHING_STARTED, SOME_FAILED),
        (["a"], SOME_FAILED, SOME_FAILED),
        (["a"], 4, 4),
        (["a"], 0, 0),
    ],
)
def test_bad_input_of_one_stage_is_not_that_of_the_run(
    done: list[str], code: int, final: int
) -> None:
    assert RunResult(done=done, exit_code=code).with_final_code().exit_code == final


def test_one_of_something_is_no_plural() -> None:
    assert counted(1, "task") == "1 task"
    assert counted(0, "task") == "0 tasks"
    assert counted(1204, "entry", "entries") == "1,204 entries"
