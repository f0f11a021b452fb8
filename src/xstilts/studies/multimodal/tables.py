"""The answer in tables and figures."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from xstilts.analysis.run_states import RunState, has_state, states_text
from xstilts.statistics.estimate import Estimate
from xstilts.statistics.one_sample import one_sample_mean
from xstilts.studies.base import Figure, Series, StudyTable, points_series
from xstilts.studies.mcnemar_runs import METRIC
from xstilts.studies.multimodal.analysis import MultimodalResults
from xstilts.studies.multimodal.data import MultimodalData
from xstilts.studies.text import in_points

GAINS = (
    "Points of 100; means over seeds, and over languages but English. 95 % bootstrap "
    "interval over examples and, where there are several, seeds. same-data: the setting "
    "holds the target's own training data and counts in no group."
)
CORRECTED = "p (Holm): of inference tasks, corrected for all of these rows."
FALSE_SHARE = (
    "q: by Benjamini and Hochberg over the same rows; of those with q < 0.05 no more than 5 % are "
    "expected to be false."
)
ANSWERS = (
    f"Points of {METRIC}, of single runs against the baseline's run with the same seed: nothing "
    "here is about other seeds. gained, lost: examples that only this run, only the baseline's has "
    "right. p: McNemar's exact test; 95 % interval by Agresti and Min; p (Holm) and q over "
    "these rows.",
    "detectable: the difference that would be found in four of five such runs, before any "
    "correction, given how many answers differ.",
)


def tables(points: MultimodalData, found: MultimodalResults) -> Iterator[StudyTable]:
    """All settings, over languages and in each, and single runs after inference tasks."""
    name = points.target.name
    rows = [_row(points, row) for _, row in found.overall.iterrows()]
    title = f"{name} after every setting"
    yield StudyTable(f"{name}-settings", title, pd.DataFrame(rows), (GAINS,))
    rows = [
        {"language": row["language"], **_row(points, row), "q": row["q"]}
        for _, row in found.by_language.iterrows()
    ]
    title, notes = f"{name} in every language", (GAINS, CORRECTED, FALSE_SHARE)
    yield StudyTable(f"{name}-languages", title, pd.DataFrame(rows), notes)
    title = f"{name}: right answers after inference tasks, run by run"
    yield StudyTable(f"{name}-answers", title, _in_points(found.answers), ANSWERS)


def _row(points: MultimodalData, row: pd.Series) -> dict[str, object]:
    numbers = ("baseline", "score", "gain", "low", "high")
    return {
        "intermediate": row["intermediate"],
        "group": _group(points, row["intermediate"]),
        **{name: 100 * row[name] for name in numbers},
        "p (Holm)": row["p_holm"],
        "n": row["n"],
        "note": states_text(row["states"]),
    }


def _group(points: MultimodalData, setting: str) -> str:
    if setting in points.group:
        return "inference"
    return "other" if setting in points.tasks else "mixture"


def _in_points(answers: pd.DataFrame) -> pd.DataFrame:
    table = answers.rename(columns={"p_holm": "p (Holm)"})
    scores = ["difference", "low", "high", "detectable"]
    return table.assign(**{name: 100 * table[name] for name in scores})


def figures(points: MultimodalData, found: MultimodalResults) -> Iterator[Figure]:
    """The mean gain of both groups in each language, with its interval."""
    table, name = found.by_language, points.target.name
    known = table[table["gain"].notna() & ~has_state(table, RunState.SAME_DATA)]
    codes = tuple(sorted(set(known["language"])))
    series = tuple(_series(points, known, codes))
    if series:
        yield Figure(
            f"{name}-by-language",
            f"{name}: mean gain by language",
            "language",
            "gain, points of 100",
            series,
            zero=True,
            ticks=codes,
        )


def _series(
    points: MultimodalData, known: pd.DataFrame, codes: tuple[str, ...]
) -> Iterator[Series]:
    """One for each group that has a gain somewhere; the places are those of `codes`."""
    groups = known["intermediate"].map(lambda setting: _group(points, setting))
    for group in ("inference", "other"):
        mine = known[groups == group]
        here = [mine[mine["language"] == code] for code in codes]
        found = [(float(x), in_points(_mean(rows))) for x, rows in enumerate(here) if len(rows)]
        if found:
            places, estimates = zip(*found, strict=True)
            yield points_series(f"{group} tasks", estimates, places)


def _mean(rows: pd.DataFrame) -> Estimate:
    """The mean of several tasks over tasks; one task's own gain over examples and seeds."""
    if len(rows) > 1:
        return one_sample_mean(rows["gain"])
    row = rows.iloc[0]
    return Estimate(float(row["gain"]), float(row["low"]), float(row["high"]), n=1)
