"""Measures as tables, from the facts of finished stages; without torch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pandas as pd

from xstilts.analysis.gains import ENGLISH, mean_or_nan
from xstilts.analysis.layer_sweeps import task_of
from xstilts.analysis.results import Facts
from xstilts.planning.measures import MEASURES, MeasureRef

KEY = ["measure", "task", "other", "language", "seed"]
COLUMNS = (*KEY, "value")


def measures_table(measured: Iterable[MeasureRef], facts: Facts) -> pd.DataFrame:
    """One row per measure that is known; see `COLUMNS` and docs/reference/measures.md.

    Where a stage is not finished, or was never run because a training before it diverged, there
    is no row. NaN: the measure is undefined.
    """
    rows = [
        (*(getattr(ref, name) for name in KEY), value)
        for ref in measured
        for value in _value(ref, facts)
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype({"seed": int, "value": float})


def _value(ref: MeasureRef, facts: Facts) -> Iterator[float]:
    """The value, if it is known."""
    if ref.value is not None:
        yield ref.value
        return
    known = [fact for key in ref.keys if (fact := facts(key)) is not None]
    if len(known) == len(ref.keys):
        yield MEASURES.get(ref.measure).read(known)


def planned_measures(
    measured: Iterable[MeasureRef], facts: Facts
) -> tuple[pd.DataFrame, dict[str, list[str]]]:
    """All measures, NaN where a stage failed or is missing; and measure → the tasks of these.

    A measure that failed with one seed must not be the mean of the other seeds.
    """
    measured = tuple(measured)
    planned = pd.DataFrame([[getattr(ref, name) for name in KEY] for ref in measured], columns=KEY)
    table = planned.merge(measures_table(measured, facts), on=KEY, how="left", indicator="known")
    failed = table[table["known"] == "left_only"].groupby("measure", sort=False)["task"].unique()
    missing = {str(measure): list(map(str, tasks)) for measure, tasks in failed.items()}
    return table.drop(columns="known"), missing


def task_measures(measures: pd.DataFrame, names: Iterable[str]) -> pd.DataFrame:
    """[tasks, measures], means over languages and seeds; NaN where one of these is missing.

    Args:
        names: the measures to keep.
    """
    tasks = pd.Index(dict.fromkeys(measures["task"]), name="task")
    rows = measures.groupby(["measure", "task"], sort=False)["value"].agg(mean_or_nan)
    table = rows.astype(float).unstack("measure")
    return table.reindex(index=tasks, columns=list(names)).rename_axis(columns=None)


def pair_measures(
    measures: pd.DataFrame, measure: str, targets: Iterable[str], language: str = ""
) -> pd.DataFrame:
    """[tasks, targets] a measure of tasks and targets; NaN if unknown.

    Args:
        measures: what depends on no target holds for all.
        language: of the target; where it was not measured, the value without a language or for
            English is taken. Empty: the mean over all but English, as for gains; English if
            there is nothing else.
    """
    rows = measures[measures["measure"] == measure]
    columns = {target: _of_target(rows, target, language) for target in targets}
    return pd.DataFrame(columns, columns=list(columns), dtype=float)


def _of_target(rows: pd.DataFrame, target: str, language: str) -> pd.Series[float]:
    own = rows[rows["other"].isin({target, task_of(target)})]
    own = rows[rows["other"] == ""] if own.empty else own
    codes = own["language"]
    options = (
        [codes == code for code in (language, "", ENGLISH)] if language else [codes != ENGLISH]
    )
    kept = next((some for some in options if some.any()), codes == language)
    own = own[kept] if language or kept.any() else own
    return own.groupby("task", sort=False)["value"].agg(mean_or_nan).astype(float)
