"""The table and the figure of the curves of `scaling`: scores against training examples."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from xstilts.studies import base, render
from xstilts.studies.scaling.analysis import ScalingAnalysis, curve_text
from xstilts.studies.scaling.design import MORE_TASKS

GRID = 24
"""Points at which a fitted curve is drawn."""
SCALE = "Scores and gains are between 0 and 1."
CURVES = (
    "score = limit - drop * examples^(-rate), by least squares; intervals by profile likelihood, "
    "which ignores that points share tasks and seeds. The limit is an extrapolation."
)


def curves_table(analyses: Sequence[ScalingAnalysis]) -> base.StudyTable:
    """The parameters of every curve of every target."""
    rows = [
        {
            "target": analysis.scores.target,
            "curve": name,
            "points": curve.n,
            "rate": curve.rate,
            "drop": curve.drop,
            **render.estimate_columns("limit", curve.limit()),
            "largest": curve.largest,
            **render.estimate_columns("at largest", curve.at(curve.largest)),
            "note": curve.note,
        }
        for analysis in analyses
        for name, curve in analysis.curves.items()
    ]
    return base.StudyTable("curves", "Saturating curves", pd.DataFrame(rows), (SCALE, CURVES))


def curve_caveats(analyses: Sequence[ScalingAnalysis]) -> Iterator[str]:
    """Why curves have no fit or no interval."""
    notes: dict[str, list[str]] = {}
    for analysis in analyses:
        for name, curve in analysis.curves.items():
            if curve.note:
                notes.setdefault(curve.note, []).append(f"{name} on {analysis.scores.target}")
    yield from (f"Curves ({'; '.join(names)}): {note}." for note, names in notes.items())


def curves_figure(analysis: ScalingAnalysis) -> base.Figure:
    """Score against budget on one target."""
    main = (MORE_TASKS, analysis.best)
    order = sorted(analysis.curves, key=lambda name: name not in main)
    series = tuple(part for name in order for part in _series(analysis, name))
    title, x = f"More tasks or more data: {analysis.scores.target}", "training examples in all"
    return base.Figure("budget", title, x, "score (points)", series, logarithmic=True)


def _series(analysis: ScalingAnalysis, name: str) -> Iterator[base.Series]:
    """The points of a curve, and the fit if there is one; bands for the two that matter."""
    curve = analysis.curves[name]
    points = dict(analysis.on_curve(name))
    sizes = tuple(float(point.size * analysis.unit) for point in points)
    scores = tuple(100 * float(table.to_numpy().mean()) for table in points.values())
    yield base.Series(curve_text(name), sizes, scores)
    if curve.fitted:
        grid = np.geomspace(curve.smallest, curve.largest, GRID)
        grid[-1] = curve.largest
        rows = (grid, 100 * curve.values(grid), *(100 * end for end in curve.interval(grid)))
        x, y, low, high = (tuple(map(float, row)) for row in rows)
        if name not in (MORE_TASKS, analysis.best):
            low = high = ()
        yield base.Series(f"{curve_text(name)}, fitted", x, y, low, high, line=True)
