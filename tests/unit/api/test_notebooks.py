"""What notebooks show: plans, gains and scores as tables, and the progress of a run."""

from __future__ import annotations

import pickle
import re
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pandas as pd
import pytest

import xstilts
from xstilts.api.html_table import html_table
from xstilts.api.notebook_frames import GainFrame, ResultFrame, gains_html
from xstilts.api.notebook_progress import ProgressHtml, in_notebook
from xstilts.config.load import LoadedExperiment
from xstilts.core.stage import Stage
from xstilts.executors.events import Event

CELL = re.compile(r"<t[dh][^>]*>([^<]*)<")
FIRST, SECOND = Stage("train", 1, {}, label="train <a>"), Stage("score", 1, {}, label="score a")


def rows(html: str) -> list[list[str]]:
    """The texts of a table, its titles first."""
    return [CELL.findall(row) for row in re.findall("<tr>.*?</tr>", html)]


def test_a_plan_shows_what_is_to_do_by_kind(small: LoadedExperiment, tmp_path: Path) -> None:
    plan = xstilts.plan(small, tmp_path / "store")
    html = plan._repr_html_()
    titles, *kinds = rows(html)
    assert titles[:3] == ["kind", "stages", "to do"]
    trainings = [stage for stage in plan.todo if stage.kind == "train"]
    (row,) = [row for row in kinds if row[0] == "train"]
    assert row[1:3] == [str(len(trainings))] * 2
    assert f"{len(plan.todo)} to do" in html
    assert "Expected:" in html


def test_a_finished_plan_expects_nothing(small: LoadedExperiment, finished: Path) -> None:
    html = xstilts.plan(small, finished)._repr_html_()
    assert "Expected:" not in html
    assert {row[2] for row in rows(html)[1:]} == {"0"}


def test_gains_are_shown_in_points(small: LoadedExperiment, finished: Path) -> None:
    gains = xstilts.gains(small, finished)
    html = gains._repr_html_()
    assert html is not None
    titles, *lines = rows(html)
    assert titles == ["target", "intermediate", "baseline", "score", "gain", "95 %", *titles[6:]]
    main = gains[gains["main"]].iloc[0]
    assert lines[0][3] == f"{100 * main['score']:.1f}"
    assert "one seed" in html
    assert len(lines) == gains["main"].sum()


def test_only_significant_gains_are_coloured(small: LoadedExperiment, finished: Path) -> None:
    table = pd.DataFrame(xstilts.gains(small, finished))
    assert "color" not in gains_html(table)
    table["seeds"], table["significant"], table["gain"] = 3, True, 0.125
    table["low"], table["high"] = 0.1, 0.2
    coloured = gains_html(table)
    assert coloured.count("color: #2a8a43") == table["main"].sum()
    assert "+12.5" in coloured
    table["gain"] = -0.125
    assert "color: #d1242f" in gains_html(table)


def test_scores_are_shown_as_means(small: LoadedExperiment, finished: Path) -> None:
    frame = xstilts.results(small, finished)
    html = frame._repr_html_()
    assert html is not None
    titles, *lines = rows(html)
    keys = ["target", "intermediate", "metric"]
    assert titles == [*keys, "score", "languages", "seeds"]
    means = pd.DataFrame(frame).groupby(keys, sort=False)["value"].mean()
    assert [line[3] for line in lines] == [f"{100 * mean:.1f}" for mean in means]


def test_frames_are_pandas_frames_in_all_other_respects(
    small: LoadedExperiment, finished: Path
) -> None:
    for frame, kind in (
        (xstilts.results(small, finished), ResultFrame),
        (xstilts.gains(small, finished), GainFrame),
    ):
        assert type(frame) is kind
        assert type(frame.head(1)) is pd.DataFrame
        other = pickle.loads(pickle.dumps(frame))
        pd.testing.assert_frame_equal(pd.DataFrame(other), pd.DataFrame(frame))


def test_a_frame_that_lost_columns_is_shown_as_pandas_does() -> None:
    for kind in (GainFrame, ResultFrame):
        frame = kind({"target": ["xnli"]})
        assert frame._repr_html_() == pd.DataFrame({"target": ["xnli"]})._repr_html_()


def test_texts_in_tables_are_escaped() -> None:
    assert "&lt;script&gt;" in html_table(["<script>"], [["x"]])
    assert "&lt;b&gt;" in html_table(["a"], [["<b>"]])


def summary_of(*stages: Stage) -> Any:
    seconds = {stage.key: 10.0 for stage in stages}
    return SimpleNamespace(todo=list(stages), seconds=20.0, stage_seconds=seconds, workers=1)


def test_progress_shows_running_stages_then_problems() -> None:
    shown = ProgressHtml(summary_of(FIRST, SECOND))
    assert "0/2 stages" in shown.html()
    facts = {"step": 3, "steps": 9, "loss": 0.25, "examples_per_second": 8.0, "dev": {"a": 0.5}}
    shown.on_event(Event("progress", FIRST, facts))
    assert "train &lt;a&gt; step 3/9, loss 0.250, 8 examples/s, dev a 50.0" in shown.html()
    shown.on_event(Event("failed", FIRST, {"problem": "no data"}))
    shown.on_event(Event("skipped", SECOND, {"why": "needs the other"}))
    html = shown.html()
    assert "2/2 stages" in html
    assert "left" not in html
    assert "step 3/9" not in html
    assert "train &lt;a&gt;: no data" in html


class FakeDisplay(ModuleType):
    """IPython.display, as far as it is used."""

    HTML = str

    def __init__(self) -> None:
        super().__init__("IPython.display")
        self.shown: list[str] = []

    def display(self, html: str, display_id: bool) -> Any:
        self.shown.append(html)
        return SimpleNamespace(update=self.shown.append)


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch) -> FakeDisplay:
    """A notebook's kernel, in which this code seems to run."""
    ipython: Any = ModuleType("IPython")
    ipython.get_ipython = lambda: SimpleNamespace(kernel=object())
    display = FakeDisplay()
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    return display


@pytest.mark.usefixtures("in_process")
def test_a_run_shows_progress_in_a_notebook(
    small: LoadedExperiment, copied: Path, notebook: FakeDisplay
) -> None:
    (score,) = [s for s in xstilts.plan(small, copied).compiled.plan.stages if s.kind == "score"][
        :1
    ]
    for path in (copied / "artifacts").rglob(score.key):
        path.rename(copied.parent / "moved")
    assert xstilts.run(small, copied, workers=1).exit_code == 0
    assert "0/1 stages" in notebook.shown[0]
    assert "1/1 stages" in notebook.shown[-1]


@pytest.mark.usefixtures("in_process")
def test_a_listener_replaces_the_progress_of_a_notebook(
    small: LoadedExperiment, copied: Path, notebook: FakeDisplay
) -> None:
    xstilts.run(small, copied, workers=1, on_event=lambda _: None)
    assert notebook.shown == []


def test_a_terminal_is_no_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    assert not in_notebook()
    ipython: Any = ModuleType("IPython")
    ipython.get_ipython = lambda: None
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    assert not in_notebook()
