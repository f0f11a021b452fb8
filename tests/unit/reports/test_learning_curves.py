"""Learning curves are where their axes say, and stay readable with many settings and runs."""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ElementTree

import pytest

from xstilts.reports.chart_axis import ChartAxis, chart_axis
from xstilts.reports.learning_curves import (
    MOST,
    SAMPLES,
    LearningFigure,
    learning_figures,
    smoothed,
)
from xstilts.reports.templating import template
from xstilts.reports.training_logs import LearningCurve

NAN = float("nan")


def run(name: str, *losses: float, dev: tuple[tuple[int, float], ...] = ()) -> LearningCurve:
    return LearningCurve(name, losses, dev)


def figures(*runs: LearningCurve, baseline: str = "none") -> list[LearningFigure]:
    settings = list(dict.fromkeys(one.name for one in runs))
    return list(learning_figures("toy", runs, settings, baseline))


def drawn_points(path: str) -> list[tuple[int, int]]:
    return [(int(x), int(y)) for x, y in re.findall(r"[ML](\d+) (\d+)", path)]


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0, 48, (0, 20, 40, 60)),
        (0, 3.7, (0, 2, 4)),
        (55.2, 57.9, (55, 56, 57, 58)),
        (-8, 20, (-10, 0, 10, 20)),
        (50, 50, None),
    ],
)
def test_an_axis_has_round_ticks_around_its_numbers(
    low: float, high: float, ticks: tuple[float, ...] | None
) -> None:
    axis = chart_axis(low, high, 0, 100)
    assert axis.low <= low <= high <= axis.high
    assert axis.low < axis.high
    assert len(axis.ticks) <= 5
    assert ticks is None or axis.ticks == ticks


def test_positions_are_linear_and_clipped() -> None:
    axis = ChartAxis(0, 10, 200, 100, ())
    assert [axis.position(value) for value in (0, 5, 10, 99)] == [200, 150, 100, 100]
    short = chart_axis(0, 48, 0, 100).ending_at(48)
    assert (short.position(48), short.ticks) == (100, (0, 20, 40))


def test_a_line_is_the_mean_over_seeds_and_the_band_its_range() -> None:
    (figure,) = figures(run("none", 4.0, 2.0), run("none", 2.0, 1.0))
    (curve,) = figure.curves
    steps, loss = figure.steps, figure.loss
    assert drawn_points(curve.lines[0]) == [
        (steps.position(1), loss.position(3.0)),
        (steps.position(2), loss.position(1.5)),
    ]
    assert drawn_points(curve.bands[0]) == [
        (steps.position(step), loss.position(value))
        for step, value in ((1, 4.0), (2, 2.0), (2, 1.0), (1, 2.0))
    ]
    assert "mean of 2 seeds" in curve.title
    assert figure.dev is None


def test_dev_scores_are_dots_on_an_axis_of_their_own() -> None:
    (figure,) = figures(run("none", 4.0, 2.0, dev=((1, 0.5), (2, 0.61))))
    assert figure.dev
    assert figure.dev.low <= 50 < 61 <= figure.dev.high
    (curve,) = figure.curves
    assert curve.dots == tuple(
        (figure.steps.position(step), figure.dev.position(score))
        for step, score in ((1, 50.0), (2, 61.0))
    )
    assert curve.bands == ()


def test_equal_dev_scores_have_an_axis_of_a_point_or_more() -> None:
    (figure,) = figures(run("none", 4.0, dev=((1, 0.0),)), run("a", 4.0, dev=((1, 0.0),)))
    assert figure.dev
    assert (figure.dev.low, figure.dev.high) == (0, 1)


def test_a_diverged_run_leaves_a_gap_and_does_not_stretch_the_axis() -> None:
    (figure,) = figures(
        run("none", 4.0, NAN, math.inf, 2.0), run("mnli", 3.0, 1e9, 1e9, 1e9), run("x", NAN)
    )
    assert figure.loss.high < 20
    none, mnli, empty = figure.curves
    assert none.lines[0].count("M") == 2
    assert min(y for _, y in drawn_points(mnli.lines[0])) == figure.loss.end
    assert empty.lines == ("",)


def test_many_settings_are_divided_with_the_baseline_in_each_figure() -> None:
    names = ["none", *(f"s{number}" for number in range(12))]
    parts = figures(*(run(name, 2.0, 1.0) for name in names))
    assert [part.part for part in parts] == ["1 of 3", "2 of 3", "3 of 3"]
    assert all(part.curves[0].name == "none" for part in parts)
    assert all(len(part.curves) <= MOST + 1 for part in parts)
    assert [one.name for part in parts for one in part.curves[1:]] == names[1:]
    assert all(len({one.style for one in part.curves}) == len(part.curves) for part in parts)


def test_a_setting_has_one_style_in_all_figures() -> None:
    settings = ["none", "a", "b"]
    styles = [
        one.style
        for names in (("a", "b"), ("b",))
        for part in learning_figures("t", [run(name, 1.0) for name in names], settings, "none")
        for one in part.curves
        if one.name == "b"
    ]
    assert len(set(styles)) == 1
    assert len(styles) == 2


def test_long_runs_are_sampled_from_the_first_step_to_the_last() -> None:
    (figure,) = figures(run("none", *(5.0 for _ in range(10_000))))
    line = drawn_points(figure.curves[0].lines[0])
    assert len(line) == SAMPLES
    assert line[0][0] == figure.steps.position(1)
    assert line[-1][0] == figure.steps.position(10_000)


def test_losses_are_smoothed_over_a_tenth_of_the_steps() -> None:
    losses = [float(step) for step in range(1, 41)]
    assert smoothed(losses, 40) == pytest.approx(38.5)
    assert smoothed(losses, 1) == 1.0
    assert math.isnan(smoothed(losses, 41))


def test_the_drawing_has_a_title_a_description_and_a_legend() -> None:
    (figure,) = figures(run("none", 4.0, 2.0), run("<b>$x", 4.0, 2.0, dev=((2, 0.5),)))
    macro = template("curves.html.j2").module.learning_curves  # type: ignore[attr-defined]
    drawing = ElementTree.fromstring(str(macro(figure)))
    picture = drawing.find("svg")
    assert picture is not None
    assert picture.get("role") == "img"
    assert picture.findtext("title") == "Learning curves of toy"
    assert "dev score 50.0" in (picture.findtext("desc") or "")
    legend = drawing.find("ul")
    assert legend is not None
    assert ["".join(one.itertext()).strip() for one in legend] == ["none", "<b>$x"]
    styles = [one.get("class") for one in picture.findall("g")]
    assert [one.get("class") for one in legend] == styles
