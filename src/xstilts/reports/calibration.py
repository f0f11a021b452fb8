"""Calibration by target, setting and language: expected calibration error, confidence, accuracy.

Errors have 95 % bootstrap intervals, see `statistics.calibration_error`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from xstilts.analysis.calibration import CalibrationReader, RunAnswers
from xstilts.analysis.gains import ENGLISH
from xstilts.core.store import Store
from xstilts.languages import language
from xstilts.metrics.calibration import CalibrationBins, summed_bins
from xstilts.planning.compile import CompiledPlan, ResultCell
from xstilts.reports.reliability import ReliabilityDiagram, reliability_diagram
from xstilts.reports.tables import points
from xstilts.statistics.calibration_error import calibration_draws, calibration_interval
from xstilts.statistics.estimate import Floats

EVERY = "all languages"
OTHERS = "other languages"
MEAN = "mean without English"
Bins = Mapping[str, Mapping[str, Sequence[CalibrationBins]]]
"""Setting → language code → the bins of each seed."""


@dataclass(frozen=True)
class CalibrationNumbers:
    """Means over seeds, in points.

    Args:
        seeds: such as `1 of 3 seeds` where some hold no probabilities; else empty.
        interval: of the error, such as `1.2 to 3.4`; empty for a mean over languages.
    """

    error: str
    confidence: str
    accuracy: str
    seeds: str = ""
    interval: str = ""


@dataclass(frozen=True)
class CalibrationRow:
    """A language, or the mean of several: numbers per setting, None where there are none."""

    name: str
    code: str
    numbers: tuple[CalibrationNumbers | None, ...]


@dataclass(frozen=True)
class TargetCalibration:
    """The calibration of a target.

    Args:
        without: runs whose predictions hold no probabilities, of `runs` finished ones; with all of
            them there is nothing else.
        examples: of a language and seed, the fewest and the most.
        means: over the languages that every setting has.
    """

    target: str
    runs: int
    without: int
    settings: tuple[str, ...] = ()
    rows: tuple[CalibrationRow, ...] = ()
    means: tuple[CalibrationRow, ...] = ()
    examples: tuple[int, int] = (0, 0)
    chance: tuple[str, str] = ("", "")
    seeds: int = 0
    diagrams: tuple[ReliabilityDiagram, ...] = ()


@dataclass
class _Runs:
    """What the runs of a target hold."""

    finished: int = 0
    without: int = 0
    bins: dict[str, dict[str, list[CalibrationBins]]] = field(default_factory=dict)
    intervals: dict[tuple[str, str], tuple[float, float]] = field(default_factory=dict)
    """(setting, language code) → the interval of the error."""


def target_calibration(
    target: str,
    cells: Iterable[ResultCell],
    compiled: CompiledPlan,
    store: Store,
    drawn: Sequence[str],
) -> TargetCalibration | None:
    """The calibration of a target; None if its format has no probabilities, or without a test.

    Args:
        cells: the answered tests of the target, of all settings, languages and seeds.
        drawn: settings with a diagram.
    """
    runs = _read(cells, CalibrationReader(compiled, store))
    if not runs.finished:
        return None
    if not runs.bins:
        return TargetCalibration(target, runs.finished, runs.without)
    settings = tuple(runs.bins)
    codes = list(dict.fromkeys(code for of in runs.bins.values() for code in of))
    codes.sort(key=lambda code: (code != ENGLISH, code))
    every = [one for of in runs.bins.values() for seeds in of.values() for one in seeds]
    most = max(len(seeds) for of in runs.bins.values() for seeds in of.values())
    rows = tuple(
        CalibrationRow(
            language(code).name,
            code,
            tuple(
                _numbers(runs.bins[name].get(code, ()), most, runs.intervals.get((name, code)))
                for name in settings
            ),
        )
        for code in codes
    )
    chances = sorted(one.chance_error for one in every)
    return TargetCalibration(
        target,
        runs.finished,
        runs.without,
        settings,
        rows,
        _means(runs.bins, codes),
        (min(one.examples for one in every), max(one.examples for one in every)),
        (points(chances[0]), points(chances[-1])),
        most,
        tuple(_diagram(target, name, runs.bins[name]) for name in drawn if name in runs.bins),
    )


def _read(cells: Iterable[ResultCell], reader: CalibrationReader) -> _Runs:
    """The runs, read language by language: all answers at once would be large."""
    runs = _Runs()
    by_language: dict[str, list[ResultCell]] = {}
    settings: dict[str, dict[str, list[CalibrationBins]]] = {}
    for cell in cells:
        if reader.has_classes(cell):
            settings.setdefault(cell.intermediate, {})
            by_language.setdefault(cell.language, []).append(cell)
    for code, of_language in by_language.items():
        answers: dict[str, list[RunAnswers]] = {}
        for cell in of_language:
            found = reader.answers(cell)
            runs.finished += 1
            runs.without += found is None
            if found and found.ids:
                answers.setdefault(cell.intermediate, []).append(found)
        for name, seeds in answers.items():
            settings[name][code] = [one.binned.summed() for one in seeds]
        drawn = _drawn([one for seeds in answers.values() for one in seeds])
        for name, bins in ((name, settings[name][code]) for name in answers):
            columns = np.stack([next(drawn) for _ in bins], axis=1)
            variances = np.stack([one.variances for one in bins])
            runs.intervals[name, code] = calibration_interval(
                columns, [one.error for one in bins], variances
            )
    runs.bins = {name: of for name, of in settings.items() if of}
    return runs


def _drawn(answers: Sequence[RunAnswers]) -> Iterator[Floats]:
    """[draws] errors of each run; runs on the same examples are drawn together."""
    groups: dict[tuple[str, ...], list[int]] = {}
    for place, one in enumerate(answers):
        groups.setdefault(one.ids, []).append(place)
    columns: dict[int, Floats] = {}
    for ids, places in groups.items():
        table = calibration_draws(ids, [answers[place].binned for place in places])
        columns.update(zip(places, table.T, strict=True))
    return (columns[place] for place in range(len(answers)))


def _mean(values: Iterable[float]) -> float:
    known = list(values)
    return sum(known) / len(known)


def _numbers(
    seeds: Sequence[CalibrationBins], most: int, interval: tuple[float, float] | None = None
) -> CalibrationNumbers | None:
    if not seeds:
        return None
    ends = map(points, interval or ())
    return CalibrationNumbers(
        points(_mean(one.error for one in seeds)),
        points(_mean(one.confidence for one in seeds)),
        points(_mean(one.accuracy for one in seeds)),
        f"{len(seeds)} of {most} seeds" if len(seeds) < most else "",
        " to ".join(ends),
    )


def _means(bins: Bins, codes: Sequence[str]) -> tuple[CalibrationRow, ...]:
    """The means over the languages other than English that every setting has; none for one."""
    common = [c for c in codes if c != ENGLISH and all(c in of for of in bins.values())]
    if len(common) < 2:
        return ()
    numbers = tuple(
        CalibrationNumbers(
            points(_mean(_mean(one.error for one in of[code]) for code in common)),
            points(_mean(_mean(one.confidence for one in of[code]) for code in common)),
            points(_mean(_mean(one.accuracy for one in of[code]) for code in common)),
        )
        for of in bins.values()
    )
    return (CalibrationRow(MEAN, " ".join(common), numbers),)


def _diagram(
    target: str, setting: str, bins: Mapping[str, Sequence[CalibrationBins]]
) -> ReliabilityDiagram:
    """English and all other languages, each with all examples and seeds."""
    others = [one for code, seeds in bins.items() if code != ENGLISH for one in seeds]
    english = list(bins.get(ENGLISH, ()))
    groups = {language(ENGLISH).name: english, (OTHERS if english else EVERY): others}
    return reliability_diagram(
        target, setting, {name: summed_bins(of) for name, of in groups.items() if of}
    )
