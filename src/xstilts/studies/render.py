"""Results as sentences, findings and tables: the words and formats of all studies."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from math import isinf, isnan
from typing import Protocol

import pandas as pd

from xstilts.statistics.estimate import LEVEL, Estimate, join_notes
from xstilts.studies.base import Answer, Figure, Finding, Series, StudyTable, points_series
from xstilts.studies.result import ONE_SEED, Result, Significance, Unit

NO_SCORES = "Not enough data: no run that this study needs has a score yet."


def format_p(p: float, name: str = "p") -> str:
    """`p = 0.030` or `p < 0.001`."""
    return f"{name} < 0.001" if p < 0.001 else f"{name} = {p:.3f}"


def format_number(value: float, unit: Unit, *, signed: bool | None = None) -> str:
    """`+1.9 points`, `0.62`, `3.1 %`."""
    sign = "+" if (unit.signed if signed is None else signed) else ""
    return f"{round(value, unit.digits) + 0.0:{sign}.{unit.digits}f}{unit.symbol}"


def format_estimate(estimate: Estimate, unit: Unit) -> str:
    """`+1.9 points [+0.4, +3.4]`; without an interval where there is none."""
    number = format_number(estimate.value, unit)
    if isnan(estimate.low):
        return number
    bare = Unit("", unit.digits, unit.signed)
    ends = (format_number(end, bare) for end in (estimate.low, estimate.high))
    return f"{number} [{', '.join(ends)}]"


def answer_text(result: Result, *, interval: bool = False) -> str:
    """The number and the verdict: `+1.9 points, significant (Holm p = 0.012)`."""
    estimate, significance = result.estimate, result.significance
    if significance is Significance.NOT_ENOUGH_DATA:
        return f"{significance} ({estimate.note})" if estimate.note else str(significance)
    number = format_number(estimate.value, result.unit)
    if interval:
        number = format_estimate(estimate, result.unit)
    if significance is Significance.NOT_TESTED:
        return f"{number} ({estimate.note})" if ONE_SEED in estimate.note else number
    return f"{number}, {_verdict(result)} ({'; '.join(_details(result))})"


def _verdict(result: Result) -> str:
    """Never significant where the test leaves the seeds out."""
    if not result.limits:
        return str(result.significance)
    return f"p {'<' if result.significant else '≥'} {LEVEL} over tasks alone"


def _details(result: Result) -> Iterator[str]:
    """The p value, and without significance the effect that would have been detectable."""
    if isnan(result.p_adjusted):
        yield format_p(result.estimate.p)
    else:
        yield format_p(result.p_adjusted, "Holm p")
    if not result.significant and isinf(result.power):
        yield "no effect of any size could be significant"
    elif not result.significant and not isnan(result.power):
        yield f"80 % power from {format_number(result.power, result.unit, signed=False)}"
    if result.limits:
        yield result.limits


def sentence(result: Result, *, interval: bool = False) -> str:
    """The question, its answer and the remark."""
    text = f"{result.question}: {answer_text(result, interval=interval)}."
    return f"{text} {result.remark}" if result.remark else text


def summary(results: Iterable[Result]) -> str:
    """The sentences of a study's main results, with intervals."""
    return " ".join(sentence(result, interval=True) for result in results)


def significant_names(results: Sequence[Result], what: str, label: str) -> str:
    """`Significant measures: a (0.81) and b (-0.62).`, or that there are none.

    Args:
        what: what was tested, in the plural.
        label: the label that names them.
    """
    names = [
        f"{result.labels[label]} ({format_number(result.estimate.value, result.unit)})"
        for result in results
        if result.significant
    ]
    limits = "; ".join(dict.fromkeys(filter(None, (result.limits for result in results))))
    limits = f" ({limits})" if limits else ""
    if limits:  # one seed: tests over tasks say nothing of other seeds
        return (
            f"{what[0].upper()}{what[1:]} with p < {LEVEL}{limits}: {join_names(names) or 'none'}."
        )
    if not names:
        return f"No significant {what}."
    return f"Significant {what}: {join_names(names)}."


def significance_counts(tests: pd.DataFrame, effect: str) -> str:
    """How many effects are significant in each direction, by both corrections.

    Args:
        tests: with the columns p_holm and q.
        effect: the column of the effects.
    """
    counts = {
        name: [int(((tests[name] < LEVEL) & (sign * tests[effect] > 0)).sum()) for sign in (1, -1)]
        for name in ("p_holm", "q")
    }
    (up, down), (more_up, more_down) = counts["p_holm"], counts["q"]
    return (
        f"of {len(tests)}, {up} significantly above zero and {down} below (Holm); {more_up} and "
        f"{more_down} with a false discovery rate of 5 % (Benjamini and Hochberg)"
    )


def finding(result: Result) -> Finding:
    """The result as a sentence, with the number behind it."""
    return Finding(result.name, sentence(result), result.estimate)


class Analysis(Protocol):
    """The parts of an answer, about one target or all of them."""

    def summary(self) -> str:
        """One to three sentences."""

    def findings(self) -> Iterable[Finding]:
        """The results as sentences."""

    def tables(self) -> Iterable[StudyTable]:
        """The numbers."""

    def figures(self) -> Iterable[Figure]:
        """The figures."""

    def caveats(self) -> Iterable[str]:
        """What the reader must know."""


def answer(study: str, question: str, analyses: Sequence[Analysis]) -> Answer:
    """The answer of one or more analyses."""
    return Answer(
        study,
        question,
        " ".join(analysis.summary() for analysis in analyses),
        tuple(finding for analysis in analyses for finding in analysis.findings()),
        tuple(table for analysis in analyses for table in analysis.tables()),
        tuple(figure for analysis in analyses for figure in analysis.figures()),
        tuple(dict.fromkeys(text for analysis in analyses for text in analysis.caveats())),
    )


def results_table(
    name: str,
    title: str,
    results: Iterable[Result],
    notes: Sequence[str] = (),
    value: str = "value",
    tests: Collection[str] = ("p", "p_holm", "q"),
    tested: Collection[str] = (),
) -> StudyTable:
    """Results as rows: labels, estimate, p values, extra numbers, note.

    Args:
        value: the column of the estimate; its interval is in low and high.
        tests: columns for the p value and its corrections.
        tested: extra numbers whose p value has a column of its own.
    """
    rows = [_row(result, value, tests, tested) for result in results]
    return StudyTable(name, title, pd.DataFrame(rows), tuple(notes))


def _row(
    result: Result, value: str, tests: Collection[str], tested: Collection[str]
) -> dict[str, object]:
    estimate = result.estimate
    corrections = {"p": estimate.p, "p_holm": result.p_adjusted, "q": result.q}
    row: dict[str, object] = {
        **result.labels,
        value: estimate.value,
        "low": estimate.low,
        "high": estimate.high,
        **{name: p for name, p in corrections.items() if name in tests},
        "n": estimate.n,
    }
    for name, extra in result.extra.items():
        row |= estimate_columns(name, extra)
        row |= {f"{name}_p": extra.p} if name in tested else {}
    notes = [f"{name}: {extra.note}" for name, extra in result.extra.items() if extra.note]
    return {**row, **result.numbers, "note": estimate.note or join_notes(notes)}


def estimate_columns(name: str, estimate: Estimate) -> dict[str, float]:
    """An estimate as columns of a table."""
    ends = {f"{name}_low": estimate.low, f"{name}_high": estimate.high}
    return {name: estimate.value, **ends}


def results_series(name: str, results: Sequence[Result], label: str, start: int = 0) -> Series:
    """Results as points with their intervals, named by one of their labels."""
    labels = [str(result.labels[label]) for result in results]
    positions = range(start, start + len(results))
    return points_series(name, [result.estimate for result in results], positions, labels)


def incomplete_rows(table: pd.DataFrame, text: str) -> tuple[str, ...]:
    """`TEXT: a and b.` for the rows of a table that lack a number; empty if none does."""
    names = [str(name) for name in table.index[table.isna().any(axis=1)]]
    return (f"{text}: {join_names(names)}.",) if names else ()


def join_names(names: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def slug(name: str) -> str:
    """A name that is safe in a path and in a link."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "unnamed"
