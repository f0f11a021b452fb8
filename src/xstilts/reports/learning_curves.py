"""Learning curves as SVG text in the colours of the page."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from xstilts.config.intermediate import NO_INTERMEDIATE, mixture_name, parse_setting
from xstilts.planning.compile import CompiledPlan
from xstilts.statistics.estimate import NAN

TEXT_COLOUR = "#010203"
"""Placeholder, replaced by the page's text colour in the SVG."""
WIDTH, HEIGHT, LEGEND_ROW = 4.2, 2.9, 0.2
"""Inches; the height grows by each row of the legend."""
LEFT, RIGHT, TOP, BOTTOM = 0.7, 0.6, 0.3, 0.55
"""Inches around the axes; fixed margins are drawn twice as fast as computed ones."""


@dataclass(frozen=True)
class LearningCurve:
    """One training run: the loss of each step, and (step, dev score from -1 to 1) pairs."""

    name: str
    losses: Sequence[float]
    dev: Sequence[tuple[int, float]]


def dev_scores(evaluations: Sequence[Mapping[str, Any]]) -> list[tuple[int, float]]:
    """(step, mean score over tasks) of the dev evaluations in a log.

    Evaluations without scores are left out: tasks without usable dev labels are not scored.
    """
    return [
        (evaluation["step"], sum(scores.values()) / len(scores))
        for evaluation in evaluations
        if (scores := evaluation["scores"])
    ]


def trainings_of(compiled: CompiledPlan) -> dict[str, tuple[str, str]]:
    """Key of each training stage → its training tasks, and the setting it starts from."""
    found: dict[str, tuple[str, str]] = {}
    for cell in compiled.cells:
        chain = [mixture_name(mixture) for mixture in parse_setting(cell.intermediate).chain]
        for depth, key in enumerate(cell.trained_by[: len(chain)], start=1):
            found.setdefault(key, (" > ".join(chain[:depth]), NO_INTERMEDIATE))
        for key in cell.target_trainings:
            tasks = compiled.plan.by_key[key].params["tasks"]
            found.setdefault(key, (" + ".join(tasks), cell.intermediate))
    return found


def curves(title: str, runs: Sequence[LearningCurve]) -> str:
    """SVG of the training loss (lines, smoothed over 10 % of the steps) and dev scores (dots).

    Runs of one name share a colour. Equal runs give equal text.
    """
    return svg(lambda: _figure(title, runs))


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


def _figure(title: str, runs: Sequence[LearningCurve]) -> Any:
    from matplotlib.figure import Figure

    names = list(dict.fromkeys(run.name for run in runs))
    legend = LEGEND_ROW * -(-len(names) // 2) if len(names) > 1 else 0.0
    height = HEIGHT + legend
    figure = Figure(figsize=(WIDTH, height))
    margins = {"left": LEFT / WIDTH, "right": 1 - RIGHT / WIDTH, "top": 1 - TOP / height}
    loss = figure.subplots(gridspec_kw={**margins, "bottom": (BOTTOM + legend) / height})
    dev = loss.twinx()
    for index, name in enumerate(names):
        of_name = [run for run in runs if run.name == name]
        loss.plot(*_lines(of_name), color=f"C{index}", linewidth=1.2, label=literal(name))
        dots = [(step, 100 * score) for run in of_name for step, score in run.dev]
        dev.plot([x for x, _ in dots], [y for _, y in dots], "o", color=f"C{index}", ms=4)
    loss.set_title(literal(title), fontsize=10, y=1.0)  # a free y is searched for at every drawing
    loss.set_xlabel("optimizer steps")
    loss.set_ylabel("loss (lines)")
    dev.set_ylabel("dev (points)")
    lowest = min((score for run in runs for _, score in run.dev if score < 0), default=0.0)
    dev.set_ylim(100 * lowest, 100)
    loss.set_ylim(bottom=0)
    if len(names) > 1:
        figure.legend(frameon=False, fontsize=8, loc="lower center", ncols=2)
    return figure


def _lines(runs: Sequence[LearningCurve]) -> tuple[list[float], list[float]]:
    """Steps and smoothed losses of several runs, a NaN after each: one path draws them all."""
    steps = [float(step) for run in runs for step in (*range(1, len(run.losses) + 1), NAN)]
    return steps, [loss for run in runs for loss in (*smooth(run.losses), NAN)]


def smooth(values: Sequence[float]) -> list[float]:
    """Moving average over a window of 10 % of the steps."""
    width = max(1, len(values) // 10)
    return [
        sum(values[max(0, end - width) : end]) / min(end, width)
        for end in range(1, len(values) + 1)
    ]
