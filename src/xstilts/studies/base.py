"""A study: a question, what must run for it, and the answer that it reads off the results."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from xstilts.analysis.results import Facts
from xstilts.config.load import LoadedExperiment
from xstilts.core.store import Store
from xstilts.planning.compile import ResultCell
from xstilts.planning.measures import MeasureRef
from xstilts.statistics.estimate import Estimate

OWN = ""
"""The name of the experiment as written, beside its variants."""


@dataclass(frozen=True)
class StudyRequirements:
    """What a study runs beside the experiment as written.

    Args:
        variants: name → a changed experiment, compiled into the same plan; stages that agree are
            one.
        measures: names of `stages.measures.MEASURES`, of the experiment as written.
    """

    variants: Mapping[str, LoadedExperiment] = field(default_factory=dict)
    measures: tuple[str, ...] = ()


@dataclass(frozen=True)
class Evidence:
    """Everything that a study may read.

    Args:
        cells: `OWN` and the variants' names → their cells.
        results: the same names → `analysis.scan.results_frame` of these cells.
        measured: which stages hold the measures.
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
        text: a plain English sentence with the number in it, also where nothing was found.
        estimate: value, interval, p, n; in the unit that the text says.
        keys: of the artifacts behind it, where they are few; else empty.
    """

    name: str
    text: str
    estimate: Estimate | None = None
    keys: tuple[str, ...] = ()


@dataclass(frozen=True)
class StudyTable:
    """Numbers, unrounded, one row per thing; `notes` say what the columns mean."""

    name: str
    title: str
    frame: pd.DataFrame
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Series:
    """Points or a line of a figure.

    Args:
        low, high: ends of the points' intervals, or the edges of a band around the line; empty
            where there are none.
        labels: a word beside each point; empty where there are none.
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
    """Estimates as points with their intervals, at 0, 1, 2 … if nothing is said."""
    places = range(len(estimates)) if x is None else x
    value, low, high = (
        tuple(getattr(one, end) for one in estimates) for end in ("value", "low", "high")
    )
    return Series(name, tuple(map(float, places)), value, low, high, tuple(labels))


@dataclass(frozen=True)
class Figure:
    """A figure as data; `reports` draws it.

    Args:
        x, y: what the axes show, with their unit.
        logarithmic: the x axis.
        zero: a line at y = 0.
        ticks: what stands at x = 0, 1, 2 … instead of numbers; empty where x is a number.
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
    """What a study has found.

    Args:
        summary: the answer in one to three sentences; says so where there are too few points.
        caveats: what the reader must know: diverged runs, missing cells, too few points.
    """

    study: str
    question: str
    summary: str
    findings: tuple[Finding, ...] = ()
    tables: tuple[StudyTable, ...] = ()
    figures: tuple[Figure, ...] = ()
    caveats: tuple[str, ...] = ()


@dataclass(frozen=True)
class Study:
    """A research question as a file.

    Args:
        needs: from the experiment as written to what else must run.
        answer: from what was run to the answer; never raises for want of data, but says so.
    """

    name: str
    question: str
    needs: Callable[[LoadedExperiment], StudyRequirements]
    answer: Callable[[Evidence], Answer]
