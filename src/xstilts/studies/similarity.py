"""`similarity`: does semantic similarity of intermediate and target task predict accuracy?

For each target the data points are the intermediate tasks: their similarity to it and their gain
on it. A measure is useful if choosing the task by it loses little.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from math import isnan

import pandas as pd

from xstilts.analysis.measures_table import pair_measures
from xstilts.analysis.task_gains import non_english
from xstilts.config.load import LoadedExperiment
from xstilts.planning.compile import CompiledPlan
from xstilts.recommend import regret
from xstilts.recommend.predict_gains import LOW_COST
from xstilts.statistics.association import associate_over_targets
from xstilts.statistics.correlation import spearman
from xstilts.statistics.estimate import NAN, missing_estimate
from xstilts.statistics.permutation import DRAWS
from xstilts.studies import base, render
from xstilts.studies import correlation_engine as engine
from xstilts.studies.correlation_engine import UNMEASURED, Predictor
from xstilts.studies.prospects import PlannedGains, Prospect, correlation_prospect
from xstilts.studies.result import CORRELATION, Result, adjusted
from xstilts.studies.study_data import StudyData, read_data, single_tasks
from xstilts.studies.task_choice import TaskChoices, regret_figure, regret_result

NAME = "similarity"
QUESTION = (
    "Does the semantic similarity between an intermediate task and a target predict zero-shot "
    "cross-lingual accuracy?"
)
FORMAT = "format"
OTHER_TARGETS = "other-targets"
"""Not a measure but a reference: each task's mean gain on the other targets."""
MEASURES: Mapping[str, Predictor] = {
    "textemb": Predictor("cosine of mean token vectors (TextEmb)"),
    "semb": Predictor("cosine of mean sentence vectors (SEmb)"),
    "taskemb": Predictor("cosine of diagonal Fisher information (TaskEmb)"),
    "divergence": Predictor("negative Jensen-Shannon divergence of token distributions", sign=-1),
    "cka": Predictor("similarity of representations (linear CKA)"),
    FORMAT: Predictor("same format", semantic=False),
    "size-rule": Predictor("training examples of the intermediate task", semantic=False),
    "logme": Predictor("evidence of the target's labels (LogME)", semantic=False),
}
PREDICTORS = {**MEASURES, OTHER_TARGETS: Predictor("mean gain on the other targets")}
SIGNS = (
    "High values mean more similar throughout: divergence is negative. "
    f"{OTHER_TARGETS} is no measure but a reference: each task's gain on the other targets."
)
OVER_TARGETS = (
    "rho: mean of Spearman's over targets; interval by resampling tasks (BCa), p by permuting "
    "them for all targets at once; p_holm: over the measures.",
    "Intervals of rho_over_targets, given_format (partial correlation), ndcg, regret1, regret3 "
    "and regret1_less_chance are over targets, for these tasks.",
    "regret: % of the best score that is lost by choosing the best of the first 1 or 3 tasks, "
    "ties in random order. _by_chance: all tasks in random order.",
)
ON_EACH_TARGET = (
    "95 % interval by the bootstrap over tasks (BCa), p by permutation; p_holm and q (Benjamini "
    "and Hochberg): Spearman's, over all measures and targets. partial: given equal formats."
)


def needs(_: LoadedExperiment) -> base.StudyRequirements:
    """The experiment as it is, the measures of its pairs of tasks, and those of `recommend`."""
    return base.StudyRequirements(measures=tuple(dict.fromkeys((*MEASURES, *LOW_COST))))


def answer(evidence: base.Evidence) -> base.Answer:
    """From the runs to the answer."""
    data = read_data(evidence)
    result = render.answer(NAME, QUESTION, [SimilarityAnalysis(data)])
    return result if data.scored else replace(result, summary=render.NO_SCORES)


def prospects(loaded: LoadedExperiment, plans: Mapping[str, CompiledPlan]) -> Iterator[Prospect]:
    """Of the correlation over all targets on which a task has a gain."""
    planned, tasks = PlannedGains.of(plans[base.OWN]), single_tasks(loaded)
    targets = {target for task in tasks for target in planned.targets.get(task, ())}
    usable = planned.tasks_on_all(tasks, targets)
    problem = planned.problem(targets, "target with a gain after a single intermediate task")
    question = "Mean rank correlation of a measure of similarity and the gain, over targets"
    yield correlation_prospect(question, planned, usable, len(MEASURES), problem)


@dataclass(frozen=True)
class SimilarityAnalysis:
    """Correlations of measures of similarity with gains, and choices by these measures.

    Args:
        draws: permutations behind each p value.
    """

    data: StudyData
    draws: int = DRAWS

    @property
    def targets(self) -> list[str]:
        """The targets on which some task has a gain."""
        return [str(target) for target in self.data.means]

    @cached_property
    def predicted(self) -> dict[str, pd.DataFrame]:
        """Measure → [tasks, targets], high for more similar; `OTHER_TARGETS` among them."""
        tasks = self.data.means.index
        tables = {name: self._predicted(name, self.targets).reindex(tasks) for name in MEASURES}
        return {**tables, OTHER_TARGETS: regret.by_other_targets(self.data.means)}

    def _predicted(self, name: str, targets: list[str], language: str = "") -> pd.DataFrame:
        return MEASURES[name].sign * pair_measures(self.data.measures, name, targets, language)

    @cached_property
    def correlations(self) -> list[Result]:
        """Every measure with the gain on every target; Holm over all, without the reference."""
        one_seed = self.data.gains.has_one_seed
        design = engine.CorrelationDesign(PREDICTORS, "", (FORMAT,), self.draws, one_seed)
        gains = {target: self.data.means[target].dropna() for target in self.targets}

        def predicted(target: str) -> pd.DataFrame:
            return pd.DataFrame({name: table[target] for name, table in self.predicted.items()})

        measures = design.family(gains, predicted, MEASURES)
        return measures + design.correlate(gains, predicted, [OTHER_TARGETS])

    @cached_property
    def choices(self) -> TaskChoices:
        """The task that each measure would choose for each target, and the regret of that."""
        return TaskChoices(self.data, self.predicted)

    @cached_property
    def measures(self) -> list[Result]:
        """Every measure over all targets; Holm over the measures."""
        results = [self._over_targets(name) for name in self.predicted]
        return [*adjusted(results[:-1]), results[-1]]

    def _over_targets(self, name: str) -> Result:
        table = self.predicted[name]
        known = [target for target in self.targets if table[target].notna().any()]
        rho = missing_estimate(0, UNMEASURED)
        if known:
            rho = associate_over_targets(table[known], self.data.means[known], self.draws)
        if name == OTHER_TARGETS:
            rho = replace(rho, p=NAN)  # it is made of the gains that would be permuted
        each = [result for result in self.correlations if result.labels["measure"] == name]
        given = [result.extra[engine.PARTIAL].value for result in each]
        quality, by_chance = self.choices.quality(name)
        rhos = [result.estimate.value for result in each]
        return Result(
            name,
            f"Mean rho of {name} ({PREDICTORS[name].description}) and gain",
            rho,
            CORRELATION,
            power=engine.detectable(rho.n),
            labels={"measure": name, "targets": len(known)},
            extra={
                "rho_over_targets": regret.over_targets(rhos).clipped(-1, 1),
                "given_format": regret.over_targets(given).clipped(-1, 1),
                **quality,
            },
            numbers=by_chance,
            limits=engine.limits_of(one_seed=self.data.gains.has_one_seed),
        )

    def summary(self) -> str:
        """The measures of semantic similarity, and what choosing by the best measure loses."""
        if not self.targets:
            return "Not enough data: no target has gains after intermediate tasks with measures."
        known = [result for result in self.measures[:-1] if not isnan(result.estimate.value)]
        if not known:
            notes = dict.fromkeys(result.estimate.note for result in self.measures[:-1])
            return f"Not enough data: {'; '.join(note for note in notes if note)}."
        semantic = [result for result in known if MEASURES[result.name].semantic]
        text = render.significant_names(semantic, "measures of semantic similarity", "measure")
        if semantic and not any(result.significant for result in semantic):
            strongest = max(semantic, key=lambda result: abs(result.estimate.value))
            text += f" {render.summary([strongest])}"
        lost = self.choices.regrets(MEASURES)
        least = regret.least_regret(lost)
        best = next((result for result in self.measures if result.name in least), None)
        if best is None:
            return text
        shared = len(regret.comparable(lost))
        among = f" ({shared} of {len(lost)}, where all choose)" if shared < len(lost) else ""
        picked = f"The best of {lost.shape[1]} measures, picked on these very targets{among}"
        return f"{text} {picked}: {render.summary([regret_result(best)])}"

    def findings(self) -> Iterator[base.Finding]:
        """Correlation, regret and partial correlation of every measure; then held-out targets."""
        for result in engine.measured(self.measures):
            question = f"Mean partial rho of {result.name} and gain, given equality of formats"
            name, estimate = f"{result.name}-given-format", result.extra["given_format"]
            given = Result(name, question, estimate, CORRELATION)
            known = (
                part for part in (regret_result(result), given) if not isnan(part.estimate.value)
            )
            yield from map(render.finding, (result, *known))
        yield from map(render.finding, self.choices.held_out(MEASURES))

    def tables(self) -> Iterator[base.StudyTable]:
        """Measures over targets, on each target and language, the choices, and the pairs."""
        title = "Measures over all targets"
        notes = (SIGNS, *OVER_TARGETS)
        yield render.results_table("measures", title, self.measures, notes, "rho")
        title = "Measures and the gain on each target"
        table = engine.correlations_table
        yield from table("associations", title, self.correlations, (SIGNS, ON_EACH_TARGET))
        yield self.choices.choices_table(SIGNS)
        tables = {
            "languages": (
                "The same within each language",
                self._languages(),
                "rho: Spearman's with the gain; means over seeds. One language is noisy.",
            ),
            "pairs": ("Similarities and gains", self._pairs(), "Scores are between 0 and 1."),
        }
        for name, (title, rows, note) in tables.items():
            yield base.StudyTable(name, title, pd.DataFrame(list(rows)), (SIGNS, note))
        yield self.choices.backtest_table()

    def _languages(self) -> Iterator[dict[str, object]]:
        """Correlation and regret within each language of each target: means over seeds."""
        runs = non_english(self.data.gains.table)
        runs = runs[runs["intermediate"].isin(self.data.means.index)]
        for (target, language), rows in runs.groupby(["target", "language"], sort=False):
            means = rows.groupby("intermediate", sort=False)[["gain", "score"]].mean()
            for name in MEASURES:
                table = self._predicted(name, [str(target)], str(language))
                predicted = table[str(target)].reindex(means.index)
                if choice := regret.rank_quality(str(target), name, predicted, means["score"]):
                    known = predicted.notna()
                    gain = means.loc[known, "gain"]
                    rho = float(spearman(predicted[known].to_numpy(), gain.to_numpy()))
                    yield {"language": language, "rho": rho, **asdict(choice)}

    def _pairs(self) -> Iterator[dict[str, object]]:
        tables = {**self.predicted, "score": self.data.scores, "gain": self.data.means}
        for target in self.targets:
            for task in self.data.means.index[self.data.means[target].notna()]:
                numbers = {name: table.loc[task, target] for name, table in tables.items()}
                yield {"task": task, "target": target, **numbers}

    def figures(self) -> Iterator[base.Figure]:
        """Correlation and regret by measure."""
        known = [result for result in self.measures if not isnan(result.estimate.value)]
        if known:
            name, y = "correlation-by-measure", "Spearman's rho, 95 % interval over tasks"
            title = "Rank correlation of similarity and gain, mean over targets"
            series = render.results_series("mean over targets", known, "measure")
            yield base.Figure(name, title, "measure", y, (series,), zero=True)
        yield from regret_figure(self.measures)

    def caveats(self) -> Iterator[str]:
        """What was not measured, and which tasks are in no mean."""
        if self.targets:
            yield from engine.unmeasured_caveat(self.measures)
        text = "In no mean correlation over targets, as a gain on one of them is missing"
        yield from render.incomplete_rows(self.data.means, text)
        yield from self.data.caveats


STUDY = base.Study(NAME, QUESTION, needs, answer, prospects)
