"""Learning curves: training loss and dev score of each setting, means over seeds with their range.

A figure has at most `MOST` settings and, in grey, the baseline; more settings have further figures
with the same axes. A setting has the same colour and dashes in all figures.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from xstilts.reports.chart_axis import ChartAxis, chart_axis
from xstilts.reports.tables import points
from xstilts.reports.training_logs import LearningCurve
from xstilts.statistics.estimate import NAN

MOST = 5
"""Settings in a figure, next to the baseline: as many as there are colours."""
SAMPLES = 80
"""Points of a line at most."""
WIDTH, LEFT, RIGHT = 720, 76, 16
LOSS_TOP, LOSS_BOTTOM = 40, 250
DEV_TOP, DEV_BOTTOM = 322, 480
BELOW = 70
"""Height of the labels under the last panel; all lengths in units of the drawing."""
DIVERGED = 3.0
"""Losses above this multiple of the highest first loss are drawn at the upper end."""
Bounds = tuple[float, float, float]
"""Mean, least and greatest of some numbers."""


@dataclass(frozen=True)
class DrawnCurve:
    """A setting in a figure.

    Args:
        style: class of its colour and dashes.
        lines: SVG paths of loss and dev score; bands: of their ranges over seeds.
        dots: positions of the dev scores.
        title: in words.
    """

    name: str
    style: str
    lines: tuple[str, ...]
    bands: tuple[str, ...]
    dots: tuple[tuple[int, int], ...]
    title: str


@dataclass(frozen=True)
class LearningFigure:
    """The curves of a training mixture; `dev` is None if no dev set was scored.

    Args:
        part: "1 of 2" of several figures, else empty.
    """

    title: str
    part: str
    steps: ChartAxis
    loss: ChartAxis
    dev: ChartAxis | None
    curves: tuple[DrawnCurve, ...]

    @property
    def height(self) -> int:
        """Of the drawing."""
        return (DEV_BOTTOM if self.dev else LOSS_BOTTOM) + BELOW

    @property
    def bottom(self) -> int:
        """Of the last panel."""
        return self.height - BELOW


@dataclass(frozen=True)
class _SettingCurves:
    """Sampled curves of a setting: (step, mean, least, greatest) over its seeds."""

    name: str
    seeds: int
    loss: tuple[tuple[int, Bounds], ...]
    dev: tuple[tuple[int, Bounds], ...]


def learning_figures(
    title: str, runs: Sequence[LearningCurve], settings: Sequence[str], baseline: str
) -> Iterator[LearningFigure]:
    """The figures of the runs of one training mixture. Equal runs give equal figures.

    Args:
        settings: the names of all settings of the page, by which they get their colours.
        baseline: its name, drawn in every figure.
    """
    by_name: dict[str, list[LearningCurve]] = {}
    for run in runs:
        by_name.setdefault(run.name, []).append(run)
    others = [name for name in settings if name != baseline]
    styles = {name: f"c{index % MOST + 1}" for index, name in enumerate(others)}
    curves = {name: _setting_curves(name, by_name[name]) for name in settings if name in by_name}
    steps, loss, dev = _axes(list(curves.values()))
    drawn = {
        name: _drawn(one, styles.get(name, "base"), steps, loss, dev)
        for name, one in curves.items()
    }
    chunks = [others[start : start + MOST] for start in range(0, len(others), MOST)]
    kept = [[name for name in chunk if name in drawn] for chunk in chunks]
    groups = [names for names in kept if names] or [[]]
    for number, names in enumerate(groups, start=1):
        shown = tuple(drawn[name] for name in (baseline, *names) if name in drawn)
        part = f"{number} of {len(groups)}" if len(groups) > 1 else ""
        yield LearningFigure(title, part, steps, loss, dev, shown)


def _setting_curves(name: str, runs: Sequence[LearningCurve]) -> _SettingCurves:
    length = max(len(run.losses) for run in runs)
    loss = tuple(
        (step, _bounds([value for run in runs if (value := smoothed(run.losses, step)) == value]))
        for step in _sampled(length)
    )
    dev: dict[int, list[float]] = {}
    for run in runs:
        for step, score in run.dev:
            dev.setdefault(step, []).append(score)
    scores = ((step, _bounds(values)) for step, values in sorted(dev.items()))
    return _SettingCurves(name, len(runs), loss, tuple(scores))


def _sampled(length: int) -> list[int]:
    """Steps at equal distances, from the first to the last."""
    if length <= SAMPLES:
        return list(range(1, length + 1))
    return [1 + round(number * (length - 1) / (SAMPLES - 1)) for number in range(SAMPLES)]


def smoothed(losses: Sequence[float], step: int) -> float:
    """Mean loss of the last 10 % of all steps before and at a step; NaN if the run is shorter."""
    if step > len(losses):
        return NAN
    window = losses[max(0, step - max(1, len(losses) // 10)) : step]
    mean = sum(window) / len(window)
    return mean if math.isfinite(mean) else NAN


def _bounds(values: Sequence[float]) -> Bounds:
    if not values:
        return NAN, NAN, NAN
    return sum(values) / len(values), min(values), max(values)


def _axes(curves: Sequence[_SettingCurves]) -> tuple[ChartAxis, ChartAxis, ChartAxis | None]:
    """The axes that hold all curves of a mixture: steps, loss, and dev score in points."""
    last = max([1, *(step for one in curves for step, _ in (*one.loss, *one.dev))])
    losses = [high for one in curves for _, (_, _, high) in one.loss if not math.isnan(high)]
    first = [one.loss[0][1][2] for one in curves if one.loss]
    limit = DIVERGED * max([value for value in first if not math.isnan(value)], default=1.0)
    steps = chart_axis(0, last, LEFT, WIDTH - RIGHT).ending_at(last)
    loss = chart_axis(0, min(max(losses, default=1.0), limit), LOSS_BOTTOM, LOSS_TOP)
    scores = [100 * end for one in curves for _, bounds in one.dev for end in bounds[1:]]
    if not scores:
        return steps, loss, None
    low = math.floor(min(scores))
    return steps, loss, chart_axis(low, max(*scores, low + 1), DEV_BOTTOM, DEV_TOP)


def _drawn(
    one: _SettingCurves, style: str, steps: ChartAxis, loss: ChartAxis, dev: ChartAxis | None
) -> DrawnCurve:
    lines, bands, dots = [_line(one.loss, steps, loss)], [_band(one.loss, steps, loss)], []
    if dev and one.dev:
        scaled = tuple(
            (step, (100 * mean, 100 * low, 100 * high)) for step, (mean, low, high) in one.dev
        )
        lines.append(_line(scaled, steps, dev))
        bands.append(_band(scaled, steps, dev))
        dots = [(steps.position(step), dev.position(mean)) for step, (mean, _, _) in scaled]
    several = one.seeds > 1
    bands = [band for band in bands if band and several]
    return DrawnCurve(one.name, style, tuple(lines), tuple(bands), tuple(dots), _words(one))


def _words(one: _SettingCurves) -> str:
    """The curves in words: where loss and dev score begin and end."""
    seeds = f" (mean of {one.seeds} seeds)" if one.seeds > 1 else ""
    losses = [mean for _, (mean, _, _) in one.loss if not math.isnan(mean)]
    words = f"{one.name}{seeds}: "
    words += f"loss {losses[0]:.2f} to {losses[-1]:.2f}" if losses else "no finite loss"
    if one.dev:
        scores = [mean for _, (mean, _, _) in one.dev]
        words += f", dev score {points(scores[-1])} at the end, {points(max(scores))} at best"
    return words


def _line(curve: Sequence[tuple[int, Bounds]], steps: ChartAxis, values: ChartAxis) -> str:
    """The path of the means, with a gap where a value is missing."""
    parts, pen = [], "M"
    for step, (mean, _, _) in curve:
        if math.isnan(mean):
            pen = "M"
            continue
        parts.append(f"{pen}{steps.position(step)} {values.position(mean)}")
        pen = "L"
    return "".join(parts)


def _band(curve: Sequence[tuple[int, Bounds]], steps: ChartAxis, values: ChartAxis) -> str:
    """The closed path around the least and the greatest values."""
    known = [(steps.position(step), ends) for step, ends in curve if not math.isnan(ends[0])]
    upper = [f"{x} {values.position(high)}" for x, (_, _, high) in known]
    lower = [f"{x} {values.position(low)}" for x, (_, low, _) in reversed(known)]
    return f"M{'L'.join((*upper, *lower))}Z" if len(known) > 1 else ""
