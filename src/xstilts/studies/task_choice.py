"""What is lost by choosing the intermediate task of a target by a measure or by `recommend`."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from math import isnan

import pandas as pd

from xstilts.analysis.gains import mean_gains
from xstilts.recommend import regret
from xstilts.recommend.backtest import Policy, leave_one_target_out, mean_cost
from xstilts.statistics.estimate import Estimate
from xstilts.studies import base, render
from xstilts.studies.result import PERCENT, Result
from xstilts.studies.study_data import StudyData

RANKING = {"ndcg": 1.0, "regret1": 100.0, "regret3": 100.0}
"""The means over targets of a measure and the most that they can be; none is below 0."""
CHOICES = "Scores are means over seeds and the languages other than English."
BACKTEST = (
    "Each target in turn is held out and predicted from the results of the others and from "
    "low-cost measures. cost: best gain less that of the best of the first 1 or 3, between 0 and "
    "1; regret: the same in % of the best score; inside: share of the gains within the predicted "
    "interval.",
    f"{Policy.OTHERS}: each task's gain on the other targets. {Policy.BLIND}: expected values.",
)
HELD_OUT = "Regret on a held-out target, of the best score"


@dataclass(frozen=True)
class TaskChoices:
    """The tasks that measures choose, and those that `recommend` does.

    Args:
        predicted: measure → [tasks, targets]; the higher, the sooner a task is chosen.
    """

    data: StudyData
    predicted: Mapping[str, pd.DataFrame]

    @cached_property
    def by_measure(self) -> list[regret.RankingQuality]:
        """The task that each measure would choose for each target, and the regret of that."""
        choices = (
            regret.rank_quality(str(target), measure, table[target], self.data.scores[target])
            for target in self.data.means
            for measure, table in self.predicted.items()
        )
        return [choice for choice in choices if choice]

    def quality(self, measure: str) -> tuple[dict[str, Estimate], dict[str, float]]:
        """Means over targets of regret and ranking by a measure, and the same by chance."""
        choices = [choice for choice in self.by_measure if choice.measure == measure]
        less = [choice.regret1 - choice.regret1_by_chance for choice in choices]

        def mean(column: str) -> Estimate:
            return regret.over_targets([getattr(choice, column) for choice in choices])

        means = {"regret1_less_chance": regret.over_targets(less).clipped(-100.0, 100.0)}
        means |= {column: mean(column).clipped(0.0, most) for column, most in RANKING.items()}
        return means, {
            f"{column}_by_chance": mean(f"{column}_by_chance").value for column in RANKING
        }

    def regrets(self, measures: Collection[str]) -> pd.DataFrame:
        """[targets, measures] regret@1; NaN where a measure does not choose."""
        rows = [asdict(choice) for choice in self.by_measure if choice.measure in measures]
        table = pd.DataFrame(rows, columns=["target", "measure", "regret1"])
        return table.pivot_table(index="target", columns="measure", values="regret1", sort=False)

    def held_out(self, measures: Collection[str]) -> Iterator[Result]:
        """Regret where the target's own results have no influence on the choice.

        Args:
            measures: those among which the best on the other targets is chosen.
        """
        by_target = regret.by_other_choices(self.regrets(measures))
        chosen = regret.over_targets(by_target.tolist()).clipped(0.0, 100.0)
        if not isnan(chosen.value):
            question = f"{HELD_OUT}, if the measure is chosen on the other targets"
            yield Result("regret-of-chosen-measure", question, chosen, PERCENT)
        costs = {policy: mean_cost(self.backtest, policy, "regret_1") for policy in Policy}
        advice = costs.pop(Policy.ADVICE)
        others = "; ".join(
            f"{policy}: {render.format_estimate(cost, PERCENT)}" for policy, cost in costs.items()
        )
        remark = "" if isnan(advice.value) else f"References: {others}."
        question = f"{HELD_OUT}, of following `recommend`"
        yield Result("regret-recommend", question, advice, PERCENT, remark=remark)

    @cached_property
    def backtest(self) -> pd.DataFrame:
        """`recommend` and two references on held-out targets; see `BacktestRow`."""
        means, runs = self.data.means, self.data.gains.table
        compared = runs["intermediate"].isin(means.index) & runs["target"].isin(means.columns)
        return leave_one_target_out(mean_gains(runs[compared]), self.data.measures)

    def choices_table(self, *notes: str) -> base.StudyTable:
        """The choice of each measure for each target."""
        title = "Choosing the intermediate task of each target by a measure"
        frame = pd.DataFrame([asdict(choice) for choice in self.by_measure])
        return base.StudyTable("choices", title, frame, (*notes, CHOICES))

    def backtest_table(self) -> base.StudyTable:
        """The backtest."""
        title = "Regret of `recommend` on held-out targets"
        frame = self.backtest.drop(columns="encoder")
        return base.StudyTable("recommend", title, frame, BACKTEST)


def regret_result(measure: Result) -> Result:
    """What choosing the task by a measure loses.

    Args:
        measure: has the means of `TaskChoices.quality` among its estimates and numbers.
    """
    difference = render.format_estimate(measure.extra["regret1_less_chance"], PERCENT)
    chance = render.format_number(measure.numbers["regret1_by_chance"], PERCENT)
    question = f"Regret of choosing the task by {measure.name}, of the best score"
    remark = f"Random choice: {chance}, difference {difference}."
    name = f"regret-{measure.name}"
    return Result(name, question, measure.extra["regret1"], PERCENT, remark=remark)


def regret_figure(measures: Sequence[Result]) -> Iterator[base.Figure]:
    """Regret by measure and by chance; none if no measure has any."""
    usable = [result for result in measures if not isnan(result.extra["regret1"].value)]
    if usable:
        regrets = [replace(result, estimate=result.extra["regret1"]) for result in usable]
        series = render.results_series("chosen by the measure", regrets, "measure")
        chance = tuple(result.numbers["regret1_by_chance"] for result in usable)
        random = base.Series("random choice", series.x, chance, line=True)
        title = "Regret of choosing the intermediate task by a measure"
        y = "regret@1 (% of the best score), 95 % interval over targets"
        figure = base.Figure("regret-by-measure", title, "measure", y, (series, random), zero=True)
        yield figure
