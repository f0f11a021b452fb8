"""A study's figure in words, for readers who do not see it."""

from __future__ import annotations

from collections.abc import Iterator
from math import isnan

from xstilts.studies.base import Figure, Series

LISTED = 30
"""Points of a series that are named one by one, at most."""


def figure_words(figure: Figure) -> str:
    """The axes, and the points of each series; of lines and of many points, where they lie."""
    parts = [f"{figure.y} by {figure.x}", *(_series(figure, one) for one in figure.series)]
    return ". ".join(parts) + "."


def _series(figure: Figure, series: Series) -> str:
    points = list(_points(figure, series))
    if not points:
        return f"{series.name}: no values"
    if series.line:
        (first, low), (last, high) = points[0], points[-1]
        return f"{series.name}: from {low:.4g} at {first} to {high:.4g} at {last}"
    if len(points) > LISTED:
        values = [value for _, value in points]
        return f"{series.name}: {len(points)} points from {min(values):.4g} to {max(values):.4g}"
    return f"{series.name}: {', '.join(f'{name} {value:.4g}' for name, value in points)}"


def _points(figure: Figure, series: Series) -> Iterator[tuple[str, float]]:
    """Name and value of each point that is drawn; a point without a name has its x."""
    labels = series.labels or ("",) * len(series.x)
    for x, value, label in zip(series.x, series.y, labels, strict=False):
        if not isnan(x + value):
            yield label or _place(figure, x), value


def _place(figure: Figure, x: float) -> str:
    """What stands at x: a tick's name, or the number."""
    tick = figure.ticks[round(x)] if 0 <= round(x) < len(figure.ticks) else ""
    return tick or f"{x:.4g}"
