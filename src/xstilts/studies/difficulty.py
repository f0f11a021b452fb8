"""`difficulty`: does an intermediate task's difficulty predict what it does for retrieval?

Retrieval targets are searched with the encoder's own vectors, so that their gain is the
intermediate task's alone. The points are tasks; their gains are means over languages and seeds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import isnan

import pandas as pd

from xstilts.config.load import Loaded
from xstilts.statistics.association import (
    NEEDED,
    Influence,
    leave_one_out,
    points_needed,
)
from xstilts.statistics.estimate import Estimate
from xstilts.statistics.permutation import DRAWS
from xstilts.studies.associations import (
    UNMEASURED,
    Association,
    associated,
    association_frame,
    corrected,
)
from xstilts.studies.base import (
    OWN,
    Answer,
    Evidence,
    Figure,
    Finding,
    Needs,
    Series,
    Study,
    StudyTable,
)
from xstilts.studies.gains import Gains, gains_in
from xstilts.studies.points import (
    all_measures,
    dev_metrics,
    has_scores,
    mean_over_runs,
    pooled,
    searched_targets,
    spread,
    task_table,
)
from xstilts.studies.sweeps import task_of
from xstilts.studies.wording import NO_SCORES, after_holm, chance, listed, ranged, shown_by, slug

NAME = "difficulty"
QUESTION = (
    "Does the difficulty of an intermediate task predict what it does for cross-lingual retrieval?"
)
ASKED = "accuracy"
ALIKE = "accuracy-one-metric"
COVARIATES = ("size", "length")
POOLED = "all"
LOOKED_FOR = (0.3, 0.5, 0.7)


@dataclass(frozen=True)
class Difficulty:
    """A measure of difficulty in words, and what a high value of it means."""

    words: str
    high: str


MEASURES: Mapping[str, Difficulty] = {
    ASKED: Difficulty("dev score", "easier"),
    ALIKE: Difficulty("dev score among tasks of the most common metric", "easier"),
    "above-chance": Difficulty("dev score above guessing", "easier"),
    "above-majority": Difficulty("dev score above the most frequent label", "easier"),
    "prequential-ratio": Difficulty("prequential code over the uniform code", "harder"),
    "confidence": Difficulty("probability of the right label during training", "easier"),
    "variability": Difficulty("variation of that probability during training", "ambiguous"),
    "correctness": Difficulty("share of right predictions during training", "easier"),
    "input-only": Difficulty("dev score from a part of the input alone", "easier by shortcuts"),
}


@dataclass(frozen=True)
class Points:
    """What the answer is read off.

    Args:
        gains: by run.
        means: [tasks, targets] mean gains.
        measures: [tasks, measures].
        retrieval: the columns of `means` that the question is about.
        metrics: task → the metric of its dev score.
    """

    gains: Gains
    means: pd.DataFrame
    measures: pd.DataFrame
    retrieval: tuple[str, ...]
    metrics: Mapping[str, str]

    @property
    def asked(self) -> pd.DataFrame:
        """[tasks, retrieval targets]."""
        return self.means[list(self.retrieval)]

    @property
    def others(self) -> pd.DataFrame:
        """[tasks, targets that are trained]."""
        return self.means.drop(columns=list(self.retrieval))

    @property
    def names(self) -> tuple[str, ...]:
        """The measures of difficulty, the one that was asked for first."""
        alike = len(set(self.metrics.values())) > 1
        return tuple(name for name in MEASURES if name != ALIKE or alike)


def needs(_: Loaded) -> Needs:
    """The experiment as it is, and the measures of its intermediate tasks."""
    return Needs(measures=(*(name for name in MEASURES if name != ALIKE), *COVARIATES))


def answer(evidence: Evidence) -> Answer:
    """From the runs to the answer."""
    measures, lost = all_measures(evidence)
    targets = dict.fromkeys(task_of(cell.target) for cell in evidence.cells[OWN])
    retrieval = searched_targets(evidence.loaded, targets)
    metrics = dev_metrics(evidence.loaded, measures["task"])
    found = conclude(gains_in(evidence), measures, retrieval, metrics)
    if retrieval and not has_scores(evidence, retrieval):
        found = replace(found, summary=NO_SCORES)
    return replace(found, caveats=(*found.caveats, *lost))


def conclude(
    gains: Gains,
    measures: pd.DataFrame,
    retrieval: Sequence[str],
    metrics: Mapping[str, str],
    draws: int = DRAWS,
) -> Answer:
    """The answer from gains and measures.

    Args:
        measures: see `measured.measures_table`.
        retrieval: the targets that the question is about.
        metrics: task → the metric of its dev score.
        draws: permutations behind each p value.
    """
    points = _points(gains, measures, retrieval, metrics)
    rows = _associations(points.asked, points, draws)
    others = _associations(points.others, points, draws)
    return Answer(
        NAME,
        QUESTION,
        _summary(rows, retrieval),
        tuple(_findings(rows, points)),
        (
            *_association_tables("retrieval", "retrieval targets", rows),
            *_association_tables("trained", "trained targets (a secondary question)", others),
            _task_table(points),
            _influence_table(points),
            _power_table(),
        ),
        tuple(_figures(points)),
        (*_caveats(points), *gains.caveats()),
    )


# numbers


def _points(
    gains: Gains, measures: pd.DataFrame, retrieval: Sequence[str], metrics: Mapping[str, str]
) -> Points:
    table = task_table(measures, [name for name in (*MEASURES, *COVARIATES) if name != ALIKE])
    alike = [task for task in table.index if metrics.get(str(task)) == _usual(metrics)]
    table[ALIKE] = table[ASKED].where(table.index.isin(alike))
    means = mean_over_runs(gains.table, list(table.index))
    asked = tuple(str(target) for target in means if target in retrieval)
    return Points(gains, means, table, asked, metrics)


def _usual(metrics: Mapping[str, str]) -> str:
    """The metric of most tasks; empty where there are none."""
    return next((metric for metric, _ in Counter(metrics.values()).most_common(1)), "")


def _associations(means: pd.DataFrame, points: Points, draws: int) -> list[Association]:
    """Pooled over the targets first, then target by target, each a family of its own for Holm."""

    def family(targets: Mapping[str, pd.Series[float]]) -> list[Association]:
        return corrected(
            [
                associated(target, name, gain, points.measures, COVARIATES, draws)
                for target, gain in targets.items()
                for name in points.names
            ]
        )

    if not len(means.columns):
        return []
    whole = family({POOLED: pooled(means)})
    each = {str(target): means[target].dropna() for target in means}
    return whole + (family(each) if len(each) > 1 else [])


def _influence(points: Points, measure: str) -> list[Influence]:
    """Each task's influence on the pooled correlation; none where there are too few."""
    both = pd.DataFrame({"x": points.measures[measure], "y": pooled(points.asked)}).dropna()
    if len(both) <= NEEDED or both.nunique().min() < 2:
        return []
    return leave_one_out([str(task) for task in both.index], both["x"], both["y"])


# words


def _summary(rows: Sequence[Association], retrieval: Sequence[str]) -> str:
    if not retrieval:
        return (
            "Not answered: the experiment has no retrieval target (tatoeba, bucc, mewsli-x, "
            "lareqa, home-retrieval)."
        )
    asked = next((row for row in rows if row.measure == ASKED), None)
    if asked is None or isnan(asked.spearman.value):
        why = asked.spearman.note if asked else "no intermediate task has a gain on retrieval"
        return f"Not answered: {why}."
    said = f"Spearman's rho {ranged(asked.spearman)}, {chance(asked.p_holm)} after Holm"
    if asked.found:
        more = "more" if asked.spearman.value > 0 else "less"
        first = f"Intermediate tasks with a higher dev score help retrieval {more}: {said}."
    else:
        first = (
            "Dev scores of intermediate tasks are not shown to predict their gain on retrieval: "
            f"{said}."
        )
    return " ".join([first, _others_found(rows), _sight(asked.spearman.n)])


def _others_found(rows: Sequence[Association]) -> str:
    found = [
        f"{MEASURES[row.measure].words} (rho {row.spearman.value:.2f})"
        for row in rows
        if row.target == POOLED and row.measure != ASKED and row.found
    ]
    if not found:
        return "No other measure of difficulty is shown to do so after Holm's correction."
    return f"Found after Holm's correction beside it: {listed(found)}."


def _sight(n: int) -> str:
    """What so many tasks can show."""
    needed = listed([f"{points_needed(one)} for {one}" for one in LOOKED_FOR])
    return f"{shown_by(n)}; needed are {needed}."


def _findings(rows: Sequence[Association], points: Points) -> Iterator[Finding]:
    for row in rows:
        if row.spearman.note == UNMEASURED:
            continue  # the caveats say so
        name = row.measure if row.target == POOLED else f"{row.measure}-{slug(row.target)}"
        yield Finding(name, _sentence(row), row.spearman)
        if row.target == POOLED and row.measure == ASKED:
            given = _in_words("given size and length of the training data", row.given)
            yield Finding(f"{name}-given-size-and-length", given, row.given)
    for one in _influence(points, ASKED)[:1]:
        yield Finding(
            "influence",
            f"The task that the correlation of dev score and gain on retrieval hangs on most is "
            f"{one.name}: without it rho is {one.without:.2f}, a change of {one.change:+.2f}.",
        )


def _sentence(row: Association) -> str:
    measure, where = MEASURES[row.measure], _where(row.target)
    text = _in_words(f"{measure.words} (high: {measure.high}) and gain on {where}", row.spearman)
    return f"{text[:-1]}{after_holm(row.p_holm)}."


def _in_words(what: str, estimate: Estimate) -> str:
    if isnan(estimate.value):
        return f"{_capital(what)}: no number, {estimate.note}."
    return f"{_capital(what)}: Spearman's rho {ranged(estimate)}."


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _where(target: str) -> str:
    return "retrieval" if target == POOLED else target


def _caveats(points: Points) -> Iterator[str]:
    if len(set(points.metrics.values())) > 1:
        tasks: dict[str, list[str]] = {}
        for task, metric in points.metrics.items():
            tasks.setdefault(metric, []).append(task)
        kinds = "; ".join(f"{metric}: {listed(names)}" for metric, names in tasks.items())
        yield (
            f"Dev scores are of different metrics and not comparable between them ({kinds}); "
            f"`{ALIKE}` keeps to {_usual(points.metrics)}."
        )
    unknown = [name for name in points.names if points.measures[name].isna().all()]
    if unknown and points.retrieval:
        yield f"Not measured: {listed(unknown)}."
    incomplete = points.asked[points.asked.isna().any(axis=1)]
    if len(incomplete):
        yield (
            "Not in the means over all retrieval targets, for want of one of them: "
            f"{listed([str(task) for task in incomplete.index])}."
        )


# tables


def _association_tables(name: str, what: str, rows: Sequence[Association]) -> Iterator[StudyTable]:
    if not rows:
        return
    frame = association_frame(rows)
    frame.insert(2, "high means", [MEASURES[one].high for one in frame["measure"]])
    yield StudyTable(
        f"associations-{name}",
        f"Measures of difficulty against the gain on {what}",
        frame,
        (
            "Points are intermediate tasks, not settings of several; gains are means over seeds "
            f"and the languages other than English, in the rows `{POOLED}` over targets as well.",
            "spearman, kendall (tau-b): 95 % interval by the bootstrap over tasks (BCa), p by "
            "permutation; p_holm: Spearman's, corrected over the measures of the rows "
            f"`{POOLED}`, and over all other rows of this table; q: the same by Benjamini and "
            "Hochberg, which allows for 5 % of false ones among the findings.",
            "partial: Spearman's given size (examples) and length (mean sub-words) of the "
            "training data; ranks, so the logarithm of size would change nothing.",
        ),
    )


def _task_table(points: Points) -> StudyTable:
    frame = points.measures[[*points.names, *COVARIATES]].copy()
    frame.insert(0, "metric", [points.metrics.get(str(task), "") for task in frame.index])
    for target in points.means:
        frame[f"gain {target}"] = points.means[target].reindex(frame.index)
    return StudyTable(
        "tasks",
        "Intermediate tasks: difficulty and gains",
        frame.reset_index(),
        (
            "Scores and gains are between 0 and 1; gains are means over seeds and the languages "
            "other than English, empty where a run diverged, collapsed or is missing.",
            *(
                f"{name}: {MEASURES[name].words}; high: {MEASURES[name].high}"
                for name in points.names
            ),
        ),
    )


def _influence_table(points: Points) -> StudyTable:
    rows = [
        (name, one.name, one.without, one.change)
        for name in points.names
        for one in _influence(points, name)
    ]
    return StudyTable(
        "influence",
        "Each task's influence on Spearman's rho with the gain over all retrieval targets",
        pd.DataFrame(rows, columns=["measure", "task", "rho without it", "change"]),
        ("The largest change first; empty with fewer than six tasks.",),
    )


def _power_table() -> StudyTable:
    rows = [(one, points_needed(one), points_needed(one, "kendall")) for one in LOOKED_FOR]
    return StudyTable(
        "tasks-needed",
        "How many intermediate tasks would be needed to find a correlation",
        pd.DataFrame(rows, columns=["correlation", "tasks (Spearman)", "tasks (Kendall)"]),
        ("With 80 % power at the 5 % level, two-sided, before any correction; by Fisher's z.",),
    )


# figures


def _figures(points: Points) -> Iterator[Figure]:
    """Gain against dev score: over all retrieval targets, and each target as a series."""
    whole = pooled(points.asked) if points.retrieval else pd.Series(dtype=float)
    both = pd.DataFrame({"x": points.measures[ASKED], "y": whole}).dropna()
    if both.empty:
        return
    spreads = [spread(points.gains.table, str(task), points.retrieval) for task in both.index]
    yield Figure(
        "gain-by-accuracy",
        "Gain on retrieval against the dev score of the intermediate task",
        "dev score of the intermediate model (points)",
        "gain on retrieval (points), 95 % interval over languages and seeds",
        (
            Series(
                "intermediate tasks",
                _hundred(both["x"]),
                _hundred(both["y"]),
                tuple(100 * one.low for one in spreads),
                tuple(100 * one.high for one in spreads),
                tuple(str(task) for task in both.index),
            ),
        ),
        zero=True,
    )
    if len(points.retrieval) > 1:
        yield _by_target(points)


def _by_target(points: Points) -> Figure:
    series = []
    for target in points.retrieval:
        both = pd.DataFrame({"x": points.measures[ASKED], "y": points.means[target]}).dropna()
        series.append(Series(target, _hundred(both["x"]), _hundred(both["y"])))
    return Figure(
        "gain-by-accuracy-and-target",
        "Gain on each retrieval target against the dev score of the intermediate task",
        "dev score of the intermediate model (points)",
        "gain (points)",
        tuple(series),
        zero=True,
    )


def _hundred(values: pd.Series[float]) -> tuple[float, ...]:
    return tuple(100 * float(value) for value in values)


STUDY = Study(NAME, QUESTION, needs, answer)
