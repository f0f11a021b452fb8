"""`difficulty`: does an intermediate task's difficulty predict its gain on retrieval?

Retrieval targets are searched with the encoder's own vectors, so that their gain is the
intermediate task's alone. The data points are tasks; gains are means over languages and seeds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import isnan

import pandas as pd

from xstilts.analysis.layer_sweeps import task_of
from xstilts.analysis.measures_table import task_measures
from xstilts.analysis.task_gains import mean_gain, pooled
from xstilts.config.load import LoadedExperiment
from xstilts.planning.compile import CompiledPlan
from xstilts.statistics.association import points_needed
from xstilts.statistics.permutation import DRAWS
from xstilts.studies import base, render
from xstilts.studies import correlation_engine as engine
from xstilts.studies.correlation_engine import POOLED, Predictor
from xstilts.studies.prospects import PlannedGains, Prospect, correlation_prospect
from xstilts.studies.result import Result, in_points
from xstilts.studies.study_data import (
    StudyData,
    dev_metrics,
    read_data,
    searched_targets,
    single_tasks,
)

NAME = "difficulty"
QUESTION = (
    "Does the difficulty of an intermediate task predict what it does for cross-lingual retrieval?"
)
ACCURACY, SAME_METRIC = "accuracy", "accuracy-one-metric"
PREDICTORS: Mapping[str, Predictor] = {
    ACCURACY: Predictor("dev score", "easier"),
    SAME_METRIC: Predictor("dev score among tasks of the most common metric", "easier"),
    "above-chance": Predictor("dev score above chance", "easier"),
    "above-majority": Predictor("dev score above the most frequent label", "easier"),
    "prequential-ratio": Predictor("prequential code over the uniform code", "harder"),
    "confidence": Predictor("probability of the gold label during training", "easier"),
    "variability": Predictor("variation of the gold label's probability", "ambiguous"),
    "correctness": Predictor("share of correct predictions during training", "easier"),
    "input-only": Predictor("dev score from a part of the input alone", "easier by shortcuts"),
}
MEASURES = tuple(name for name in PREDICTORS if name != SAME_METRIC)
COVARIATES = ("size", "length")
NEEDED_FOR = (0.3, 0.5, 0.7)
"""Correlations for which the number of tasks needed is given."""
NO_RETRIEVAL = (
    "Not answered: the experiment has no retrieval target (tatoeba, bucc, home-retrieval)."
)
NO_GAIN = "Not enough data: no intermediate task has a gain on retrieval."
SCALE = (
    "Scores and gains are between 0 and 1; gains are means over seeds and the languages other "
    "than English, empty where a run diverged, collapsed or is missing."
)
CORRELATIONS = (
    "Data points are intermediate tasks, not mixtures. Gains are means over seeds and the "
    f"languages other than English; in the rows `{POOLED}` also over targets.",
    "spearman, kendall (tau-b): p by permutation; 95 % intervals of Spearman's by the bootstrap "
    "over tasks (BCa), of Kendall's by the jackknife. p_holm and q (Benjamini and Hochberg): "
    f"Spearman's, over the measures of the rows `{POOLED}`, and over all other rows.",
    "partial: Spearman's, given size (examples) and length (mean sub-words) of the training data.",
)


def needs(_: LoadedExperiment) -> base.StudyRequirements:
    """The experiment as it is, and the measures of its intermediate tasks."""
    return base.StudyRequirements(measures=(*MEASURES, *COVARIATES))


def answer(evidence: base.Evidence) -> base.Answer:
    """From the runs to the answer."""
    data = read_data(evidence)
    retrieval = searched_targets(evidence.loaded, data.targets)
    analysis = DifficultyAnalysis(data, retrieval, dev_metrics(evidence.loaded, data.tasks))
    result = render.answer(NAME, QUESTION, [analysis])
    unscored = retrieval and not data.scored.intersection(retrieval)
    return replace(result, summary=render.NO_SCORES) if unscored else result


def prospects(loaded: LoadedExperiment, plans: Mapping[str, CompiledPlan]) -> Iterator[Prospect]:
    """Of the correlation over all retrieval targets."""
    planned = PlannedGains.of(plans[base.OWN])
    retrieval = searched_targets(loaded, loaded.experiment.targets)
    tasks = planned.tasks_on_all(single_tasks(loaded), [task_of(target) for target in retrieval])
    problem = planned.problem(retrieval, "retrieval target (tatoeba, bucc, home-retrieval)")
    question = "Rank correlation of a measure of difficulty and the gain on retrieval"
    yield correlation_prospect(question, planned, tasks, len(MEASURES), problem)


@dataclass(frozen=True)
class DifficultyAnalysis:
    """Correlations of measures of difficulty with gains.

    Args:
        retrieval: the targets of the question.
        metrics: task → the metric of its dev score.
        draws: permutations behind each p value.
    """

    data: StudyData
    retrieval: Sequence[str]
    metrics: Mapping[str, str]
    draws: int = DRAWS

    @cached_property
    def measures(self) -> pd.DataFrame:
        """[tasks, measures], the covariates last; with `SAME_METRIC` where metrics differ."""
        table = task_measures(self.data.measures, [*MEASURES, *COVARIATES])
        if len(set(self.metrics.values())) > 1:
            usual = [name for name, metric in self.metrics.items() if metric == self._usual_metric]
            table.insert(1, SAME_METRIC, table[ACCURACY].where(table.index.isin(usual)))
        return table

    @property
    def _usual_metric(self) -> str:
        return Counter(self.metrics.values()).most_common(1)[0][0]

    @property
    def _names(self) -> list[str]:
        return [str(name) for name in self.measures if name in PREDICTORS]

    @cached_property
    def means(self) -> pd.DataFrame:
        """[tasks, retrieval targets] mean gains."""
        return self.data.means[[target for target in self.data.means if target in self.retrieval]]

    @cached_property
    def results(self) -> list[Result]:
        """The correlations with gains on retrieval."""
        return self._correlations(self.means)

    def _correlations(self, means: pd.DataFrame) -> list[Result]:
        """Over all targets, then target by target; each is a family of its own for Holm."""
        one_seed = self.data.gains.has_one_seed
        design = engine.CorrelationDesign(
            PREDICTORS, "gain on retrieval", COVARIATES, self.draws, one_seed
        )
        each = {str(target): means[target].dropna() for target in means}
        families = [{POOLED: pooled(means)}, each] if len(each) > 1 else [{POOLED: pooled(means)}]
        return [
            result
            for gains in (families if each else [])
            for result in design.family(gains, lambda _: self.measures, self._names)
        ]

    def _points(self, gains: pd.Series[float], measure: str = ACCURACY) -> pd.DataFrame:
        return pd.DataFrame({"x": self.measures[measure], "y": gains}).dropna()

    def summary(self) -> str:
        """The correlation with dev scores, and the other significant measures."""
        if not self.retrieval:
            return NO_RETRIEVAL
        if not self.results:
            return NO_GAIN
        main, *others = [result for result in self.results if result.labels["target"] == POOLED]
        if isnan(main.estimate.value):
            return render.summary([main])
        what = "measures of difficulty other than dev scores"
        needed = render.join_names([f"{points_needed(rho)} for {rho}" for rho in NEEDED_FOR])
        tasks = f"Tasks needed to find a correlation with 80 % power: {needed}."
        significant = render.significant_names(others, what, "measure")
        return f"{render.summary([main])} {significant} {tasks}"

    def findings(self) -> Iterator[base.Finding]:
        """One for each measure and target; the partial correlation; the most influential task."""
        for result in engine.measured(self.results):
            yield render.finding(result)
            if result.name == ACCURACY:
                given = engine.partial_result(result, "size and length of the training data")
                yield render.finding(replace(given, name=f"{ACCURACY}-given-size-and-length"))
        what = "dev score and gain on retrieval"
        yield from engine.influence_finding(self.measures[ACCURACY], pooled(self.means), what)

    def tables(self) -> Iterator[base.StudyTable]:
        """Correlations, the tasks, influence, and how many tasks would be needed."""
        trained = self._correlations(self.data.means.drop(columns=self.means.columns))
        for name, what, results in (
            ("retrieval", "retrieval targets", self.results),
            ("trained", "trained targets (a secondary question)", trained),
        ):
            title = f"Measures of difficulty and the gain on {what}"
            yield from engine.correlations_table(
                f"associations-{name}", title, results, CORRELATIONS
            )
        frame = self.measures.copy()
        frame.insert(0, "metric", [self.metrics.get(str(task), "") for task in frame.index])
        for target in self.data.means:
            frame[f"gain {target}"] = self.data.means[target].reindex(frame.index)
        title = "Intermediate tasks: difficulty and gains"
        notes = (PREDICTORS[name].note(name) for name in self._names)
        yield base.StudyTable("tasks", title, frame.reset_index(), (SCALE, *notes))
        title = "Each task's influence on Spearman's rho with the gain over all retrieval targets"
        yield engine.influence_table(title, self.measures[self._names], pooled(self.means))
        yield engine.tasks_needed_table(NEEDED_FOR)

    def figures(self) -> Iterator[base.Figure]:
        """Gain against dev score: over all retrieval targets, and each target as a series."""
        targets = [str(target) for target in self.means]
        both = self._points(pooled(self.means))
        if not targets or both.empty:
            return
        names = [str(task) for task in both.index]
        gains = [in_points(mean_gain(self.data.gains.table, name, targets)) for name in names]
        ends = base.points_series("", gains)
        series = base.Series(
            "intermediate tasks", *_in_points(both), ends.low, ends.high, tuple(names)
        )
        x, against = "dev score of the intermediate model (points)", "against the dev score"
        title = f"Gain on retrieval {against} of the intermediate task"
        sampled = "targets" if len(targets) > 1 else "languages"
        y = f"gain on retrieval (points), 95 % interval over {sampled} and seeds"
        yield base.Figure("gain-by-accuracy", title, x, y, (series,), zero=True)
        if len(targets) > 1:
            each = (base.Series(one, *_in_points(self._points(self.means[one]))) for one in targets)
            title = f"Gain on each retrieval target {against} of the intermediate task"
            name = "gain-by-accuracy-and-target"
            yield base.Figure(name, title, x, "gain (points)", tuple(each), zero=True)

    def caveats(self) -> Iterator[str]:
        """Dev scores that cannot be compared, and what is missing."""
        if SAME_METRIC in self.measures:
            tasks: dict[str, list[str]] = {}
            for task, metric in self.metrics.items():
                tasks.setdefault(metric, []).append(task)
            kinds = "; ".join(f"{name}: {render.join_names(own)}" for name, own in tasks.items())
            yield (
                f"Dev scores of different metrics are not comparable ({kinds}); `{SAME_METRIC}` "
                f"contains only {self._usual_metric}."
            )
        yield from engine.unmeasured_caveat(self.results)
        text = "Not in the means over all retrieval targets, as one is missing"
        yield from render.incomplete_rows(self.means, text)
        yield from self.data.caveats


def _in_points(both: pd.DataFrame) -> tuple[tuple[float, ...], tuple[float, ...]]:
    x, y = (tuple(100 * float(value) for value in both[axis]) for axis in ("x", "y"))
    return x, y


STUDY = base.Study(NAME, QUESTION, needs, answer, prospects)
