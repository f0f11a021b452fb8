"""Calibration by target, setting and language: expected calibration error, confidence, accuracy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from xstilts.analysis.calibration import CalibrationReader
from xstilts.analysis.gains import ENGLISH
from xstilts.core.store import Store
from xstilts.languages import language
from xstilts.metrics.calibration import CalibrationBins, summed_bins
from xstilts.planning.compile import CompiledPlan, ResultCell
from xstilts.reports.reliability import ReliabilityDiagram, reliability_diagram
from xstilts.reports.tables import points

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
    """

    error: str
    confidence: str
    accuracy: str
    seeds: str = ""


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
            tuple(_numbers(runs.bins[name].get(code, ()), most) for name in settings),
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
    runs = _Runs()
    for cell in cells:
        if not reader.has_classes(cell):
            continue
        runs.finished += 1
        bins = reader.bins(cell)
        if bins is None:
            runs.without += 1
        elif bins.examples:
            languages = runs.bins.setdefault(cell.intermediate, {})
            languages.setdefault(cell.language, []).append(bins)
    return runs


def _mean(values: Iterable[float]) -> float:
    known = list(values)
    return sum(known) / len(known)


def _numbers(seeds: Sequence[CalibrationBins], most: int) -> CalibrationNumbers | None:
    if not seeds:
        return None
    return CalibrationNumbers(
        points(_mean(one.error for one in seeds)),
        points(_mean(one.confidence for one in seeds)),
        points(_mean(one.accuracy for one in seeds)),
        f"{len(seeds)} of {most} seeds" if len(seeds) < most else "",
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
