"""A study's figures as SVG text: points with intervals, lines with bands, named where they are."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from html import escape
from textwrap import fill
from typing import Any

from xstilts.reports.figure_words import figure_words
from xstilts.studies.base import Figure, Series

TEXT_COLOUR = "#010203"
"""Placeholder, replaced by the page's text colour in the SVG."""
COLOURS = ("#1f83c9", "#d55e00", "#009e73", "#c2689a", "#8d7a00", "#7b7f87")
"""Okabe and Ito's palette in medium tones, readable on white and on black."""
MARKERS = "osD^vP"
DASHES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (1, 1)))
WIDTH, HEIGHT = 4.8, 3.2
PER_TICK = 0.36
"""Inches that a word below the x axis needs, turned."""
LONG = 12
"""Letters of all words below the x axis for each inch, beyond which they are turned."""
APART = 0.09
"""Horizontal distance between series, as a fraction of the distance between two ticks."""
SHARE = 0.7
"""Of that distance, what all series of a tick take at most."""
SIZE = 8
"""Of words within a figure, in points."""
ALONG_Y = 34
"""Maximum letters of a line next to the y axis."""
CROWDED = 30
"""Number of points above which their labels are unreadable."""


def draw(figure: Figure) -> str:
    """The figure as SVG text that takes its ink from the page. The same figure, the same text.

    It is one image with a title and a description in words.
    """
    head, end, rest = svg(lambda: _drawn(figure)).partition(">")
    title, words = escape(figure.title, quote=False), escape(figure_words(figure), quote=False)
    return f'{head} role="img"{end}<title>{title}</title><desc>{words}</desc>{rest}'


def svg(draw: Callable[[], Any]) -> str:
    """The SVG text of a figure, in the fonts and text colour of the page."""
    import matplotlib as mpl

    settings: Any = {
        "svg.fonttype": "none",
        "svg.hashsalt": "xstilts",
        "font.family": "sans-serif",
        "font.size": 9,
        "axes.spines.top": False,
        "axes.grid": False,
        **dict.fromkeys(("text.color", "axes.edgecolor", "axes.labelcolor"), TEXT_COLOUR),
        **dict.fromkeys(("xtick.color", "ytick.color"), TEXT_COLOUR),
    }
    with mpl.rc_context(settings):
        buffer = io.StringIO()
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        draw().savefig(buffer, format="svg", transparent=True, metadata=nothing)
    text = buffer.getvalue()
    return text[text.index("<svg") :].replace(TEXT_COLOUR, "currentColor")


def literal(text: str) -> str:
    """A text that matplotlib shows as it is: a name between dollar signs is no formula."""
    return text.replace("$", r"\$")


def standalone(text: str) -> str:
    """The same as a file of its own, with ink for light and for dark."""
    style = (
        "<style>svg{color:#1d2129}"
        "@media(prefers-color-scheme:dark){svg{color:#e6e9ee;background:#14171c}}</style>"
    )
    place = text.index("</desc>") + len("</desc>")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{text[:place]}\n{style}{text[place:]}'


def _drawn(figure: Figure) -> Any:
    from matplotlib.figure import Figure as Canvas

    width = max(WIDTH, 1.2 + PER_TICK * len(figure.ticks))
    canvas = Canvas(figsize=(width, HEIGHT), layout="constrained")
    axes = canvas.subplots()
    axes.spines["right"].set_visible(False)
    if figure.logarithmic:
        axes.set_xscale("log")
    if figure.zero:
        axes.axhline(0, color=TEXT_COLOUR, linewidth=0.7, alpha=0.5)
    for place, series in enumerate(figure.series):
        _series(axes, series, _shift(figure, place), place)
    _label_axes(axes, figure, width)
    canvas.draw_without_rendering()  # the places of words depend on the final layout
    if _named_at_ends(figure):
        _name_ends(axes, figure)
    elif len(figure.series) > 1:
        canvas.legend(frameon=False, fontsize=SIZE, loc="outside lower center", ncols=2)
    words = LabelPlacer(axes)
    for place, series in enumerate(figure.series):
        words.avoid(series, _shift(figure, place))
    for place, series in enumerate(figure.series):
        if len(series.labels) <= CROWDED:
            words.label_points(series, _shift(figure, place))
    return canvas


def _label_axes(axes: Any, figure: Figure, width: float) -> None:
    axes.set_title(literal(figure.title), fontsize=10, loc="left", wrap=True)
    axes.set_xlabel(literal(figure.x))
    axes.set_ylabel(literal(fill(figure.y, ALONG_Y)))
    if figure.ticks:
        turned = sum(map(len, figure.ticks)) > LONG * (width - 1)
        turn: dict[str, Any] = {"rotation": 40, "ha": "right"} if turned else {}
        axes.set_xticks(range(len(figure.ticks)), list(map(literal, figure.ticks)), **turn)
        axes.set_xlim(-0.5, len(figure.ticks) - 0.5)


def _shift(figure: Figure, place: int) -> float:
    """How far a series stands from its ticks, so that intervals do not lie on each other."""
    count = len(figure.series)
    apart = min(APART, SHARE / (2 * count))
    return apart * (2 * place - count + 1) if figure.ticks else 0.0


def _points(series: Series, shift: float) -> list[tuple[float, float, float, float]]:
    """(x, y, low, high) of the points that there are."""
    nothing = (math.nan,) * len(series.x)
    rows = zip(series.x, series.y, series.low or nothing, series.high or nothing, strict=True)
    return [(x + shift, y, low, high) for x, y, low, high in rows if not math.isnan(x + y)]


def _series(axes: Any, series: Series, shift: float, place: int) -> None:
    found = _points(series, shift)
    if not found:
        return
    x, y, low, high = (list(column) for column in zip(*found, strict=True))
    colour = COLOURS[place % len(COLOURS)]
    if series.line:
        dash = DASHES[place % len(DASHES)]
        axes.plot(x, y, linestyle=dash, color=colour, linewidth=1.6, label=literal(series.name))
        axes.fill_between(x, low, high, color=colour, alpha=0.18, linewidth=0)
        return
    marker = MARKERS[place % len(MARKERS)]
    axes.plot(x, y, marker, color=colour, markersize=5, label=literal(series.name))
    for at, _, bottom, top in found:
        if not math.isnan(bottom + top):
            axes.plot([at, at], [bottom, top], color=colour, linewidth=1.4, solid_capstyle="round")


def _named_at_ends(figure: Figure) -> bool:
    """Whether names can be placed at the ends of series: lines, and points over categories."""
    lines = all(series.line for series in figure.series)
    return len(figure.series) > 1 and (bool(figure.ticks) or lines)


def _name_ends(axes: Any, figure: Figure) -> None:
    """Each series' name to the right of the axes, as high as its last point, none on another."""
    ends = []
    for place, series in enumerate(figure.series):
        if found := _points(series, 0.0):
            height = axes.transData.transform((found[-1][0], found[-1][1]))[1]
            ends.append((height, place))
    line = 1.3 * SIZE * axes.figure.dpi / 72
    for (_, place), height in zip(sorted(ends), spread(sorted(ends), line), strict=True):
        up = axes.transAxes.inverted().transform((0, height))[1]
        axes.annotate(
            literal(figure.series[place].name),
            (1.02, up),
            xycoords="axes fraction",
            color=COLOURS[place % len(COLOURS)],
            fontsize=SIZE,
            va="center",
            fontweight="bold",
        )


def spread(heights: Sequence[tuple[float, int]], least: float) -> list[float]:
    """Rising heights, moved so that each is `least` above the one below; their middle stays."""
    moved: list[float] = []
    for height, _ in heights:
        moved.append(max(height, moved[-1] + least) if moved else height)
    surplus = sum(moved) / len(moved) - sum(height for height, _ in heights) / len(moved)
    return [height - surplus for height in moved]


Box = tuple[float, float, float, float]
"""Left, bottom, right, top; in pixels."""


@dataclass
class LabelPlacer:
    """Places labels next to points: never over a label, and not over points if avoidable.

    A word without room stays away: the tables have all names.
    """

    axes: Any
    marks: list[Box] = field(default_factory=list)
    words: list[Box] = field(default_factory=list)

    def avoid(self, series: Series, shift: float) -> None:
        """Keep off a series' points and intervals."""
        for x, y, low, high in () if series.line else _points(series, shift):
            across, up = self.axes.transData.transform((x, y))
            self.marks.append((across - 3, up - 3, across + 3, up + 3))
            if not math.isnan(low + high):
                (_, bottom), (_, top) = self.axes.transData.transform([(x, low), (x, high)])
                self.marks.append((across - 1, bottom, across + 1, top))

    def label_points(self, series: Series, shift: float) -> None:
        """A series' labels to the right, left, above or below of its points."""
        points = zip(series.x, series.y, series.labels, strict=False)
        for x, y, word in points:
            if word and not math.isnan(x + y):
                self._place(self.axes.transData.transform((x + shift, y)), word)

    def _place(self, point: Any, word: str) -> None:
        x, y = point
        scale = self.axes.figure.dpi / 72
        width, height = 0.55 * SIZE * len(word) * scale, 1.1 * SIZE * scale
        frame = self.axes.get_window_extent()
        places = [
            place
            for place in self._places(x, y, width, height, 5 * scale)
            if frame.x0 <= place[3][0] and place[3][2] <= frame.x1 + 4 * scale
        ]
        for taken in ([*self.words, *self.marks], self.words):
            for dx, dy, side, box in places:
                if not any(_overlap(box, other) for other in taken):
                    self.words.append(box)
                    self.axes.annotate(
                        literal(word), self.axes.transData.inverted().transform((x, y)), (dx, dy),
                        textcoords="offset points", fontsize=SIZE - 1, ha=side, va="center",
                        color=TEXT_COLOUR, alpha=0.85,
                    )  # fmt: skip
                    return

    @staticmethod
    def _places(
        x: float, y: float, width: float, height: float, gap: float
    ) -> Iterator[tuple[float, float, str, Box]]:
        half = height / 2
        yield 5, 0, "left", (x + gap, y - half, x + gap + width, y + half)
        yield -5, 0, "right", (x - gap - width, y - half, x - gap, y + half)
        for sign in (1, -1):
            middle = y + sign * 2 * gap
            box = (x - width / 2, middle - half, x + width / 2, middle + half)
            yield 0, sign * 10, "center", box


def _overlap(one: Sequence[float], other: Sequence[float]) -> bool:
    across = one[0] < other[2] and other[0] < one[2]
    return across and one[1] < other[3] and other[1] < one[3]
