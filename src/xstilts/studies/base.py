"""A study: a research question, what must run for it, and how results answer it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from xstilts.analysis.results import Facts
from xstilts.config.load import LoadedExperiment
from xstilts.core.store import Store
from xstilts.planning.compile import CompiledPlan, ResultCell
from xstilts.planning.measures import MeasureRef
from xstilts.statistics.estimate import Estimate
from xstilts.studies.prospects import Prospect

OWN = ""
"""The name of the experiment as written; variants have other names."""


@dataclass(frozen=True)
class StudyRequirements:
    """What a study runs in addition to the experiment as written.

    Args:
        variants: name → a changed experiment, compiled into the same plan; equal stages run once.
        measures: names of `planning.measures.MEASURES`, of the experiment as written.
        notes: what people must know of the plan, such as tasks of unknown size.
    """

    variants: Mapping[str, LoadedExperiment] = field(default_factory=dict)
    measures: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Evidence:
    """Everything that a study may read.

    Args:
        cells: `OWN` and the variants' names → their cells.
        results: the same names → `analysis.results.results_frame` of these cells.
        measured: which stages contain the measures.
        facts: key → the facts of a finished stage.
    """

    loaded: LoadedExperiment
    store: Store
    cells: Mapping[str, tuple[ResultCell, ...]]
    results: Mapping[str, pd.DataFrame]
    measured: tuple[MeasureRef, ...]
    facts: Facts


@dataclass(frozen=True)
class Finding:
    """One sentence of the answer and the number behind it.

    Args:
        name: unique within the study; a slug.
        text: a plain English sentence with the number in it, also if nothing is significant.
        estimate: value, interval, p, n; in the unit of the text.
        keys: of the artifacts behind it, if they are few; else empty.
    """

    name: str
    text: str
    estimate: Estimate | None = None
    keys: tuple[str, ...] = ()


@dataclass(frozen=True)
class StudyTable:
    """Unrounded numbers; `notes` say what the columns mean."""

    name: str
    title: str
    frame: pd.DataFrame
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Series:
    """Points or a line of a figure.

    Args:
        low, high: ends of the points' intervals, or the edges of a band around the line; empty
            if there are none.
        labels: of the points; empty if there are none.
        line: join the points.
    """

    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    labels: tuple[str, ...] = ()
    line: bool = False


def points_series(
    name: str,
    estimates: Sequence[Estimate],
    x: Iterable[float] | None = None,
    labels: Sequence[str] = (),
) -> Series:
    """Estimates as points with their intervals; x is 0, 1, 2 … by default."""
    positions = range(len(estimates)) if x is None else x
    value, low, high = (
        tuple(getattr(estimate, end) for estimate in estimates) for end in ("value", "low", "high")
    )
    return Series(name, tuple(map(float, positions)), value, low, high, tuple(labels))


@dataclass(frozen=True)
class Figure:
    """A figure as data; `reports` draws it.

    Args:
        x, y: titles of the axes, with units.
        logarithmic: the x axis.
        zero: a line at y = 0.
        ticks: names at x = 0, 1, 2 …; empty if x is a number.
    """

    name: str
    title: str
    x: str
    y: str
    series: tuple[Series, ...]
    logarithmic: bool = False
    zero: bool = False
    ticks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Answer:
    """The answer of a study.

    Args:
        summary: one to three sentences, also if there are too few data.
        caveats: what the reader must know: diverged runs, missing scores, too few tasks.
    """

    study: str
    question: str
    summary: str
    findings: tuple[Finding, ...] = ()
    tables: tuple[StudyTable, ...] = ()
    figures: tuple[Figure, ...] = ()
    caveats: tuple[str, ...] = ()


def unknown_prospects(_: LoadedExperiment, __: Mapping[str, CompiledPlan]) -> Iterable[Prospect]:
    """Those of a study that does not know them before it has results."""
    return ()


@dataclass(frozen=True)
class Study:
    """A research question.

    Args:
        needs: from the experiment as written to what else must run; reads no data.
        answer: from the results to the answer; reports missing data instead of raising.
        prospects: from the experiment and the plans of `OWN` and the variants to what can be
            answered at all; reads no data.
    """

    name: str
    question: str
    needs: Callable[[LoadedExperiment], StudyRequirements]
    answer: Callable[[Evidence], Answer]
    prospects: Callable[[LoadedExperiment, Mapping[str, CompiledPlan]], Iterable[Prospect]] = (
        unknown_prospects
    )
