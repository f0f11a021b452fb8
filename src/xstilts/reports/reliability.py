"""Reliability diagrams: how often predictions are right, by their probability."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt

from xstilts.metrics.calibration import CalibrationBins
from xstilts.reports.chart_axis import ChartAxis
from xstilts.reports.tables import points

TICKS = (0.0, 25.0, 50.0, 75.0, 100.0)
CONFIDENCE = ChartAxis(0.0, 100.0, 60, 340, TICKS)
"""Percent of probability, and its positions in a drawing of 360 by 360."""
ACCURACY = ChartAxis(0.0, 100.0, 292, 12, TICKS)
STYLES = ("c1", "c2")
"""Classes of colours and dashes of the page."""
DOT, LARGEST = 3.0, 9.0
"""Radius of a bin without examples, and what one with all of them has in addition."""


@dataclass(frozen=True)
class ReliabilitySeries:
    """The bins of some languages.

    Args:
        line: the path through the bins that have examples.
        dots: x, y and radius of each; more examples, a larger radius.
        words: the bins in words.
    """

    name: str
    style: str
    line: str
    dots: tuple[tuple[int, int, float], ...]
    words: str


@dataclass(frozen=True)
class ReliabilityDiagram:
    """The diagram of a target after a setting."""

    target: str
    setting: str
    series: tuple[ReliabilitySeries, ...]
    x: ChartAxis = CONFIDENCE
    y: ChartAxis = ACCURACY


def reliability_diagram(
    target: str, setting: str, groups: Mapping[str, CalibrationBins]
) -> ReliabilityDiagram:
    """The diagram of a few groups of languages.

    Args:
        groups: name → bins of all examples and seeds; at most as many as there are styles.
    """
    series = (
        _series(name, style, bins)
        for (name, bins), style in zip(groups.items(), STYLES, strict=False)
    )
    return ReliabilityDiagram(target, setting, tuple(series))


def _series(name: str, style: str, bins: CalibrationBins) -> ReliabilitySeries:
    dots, words = [], []
    for count, confidence, right in zip(
        bins.counts.tolist(), bins.confidences.tolist(), bins.right.tolist(), strict=True
    ):
        if not count:
            continue
        sure, share = confidence / count, right / count
        radius = round(DOT + LARGEST * sqrt(count / bins.examples), 1)
        dots.append((CONFIDENCE.position(100 * sure), ACCURACY.position(100 * share), radius))
        words.append(f"{100 * sure:.0f} and {100 * share:.0f} ({count:,})")
    line = "L".join(f"{x} {y}" for x, y, _ in dots)
    summary = (
        f"{name}: ECE {points(bins.error)}; percent of probability and of right predictions by bin "
        f"(predictions): {'; '.join(words)}"
    )
    return ReliabilitySeries(name, style, f"M{line}" if line else "", tuple(dots), summary)
