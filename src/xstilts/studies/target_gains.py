"""Gains on one target by the paired bootstrap: by setting, by language, and of groups of tasks.

Intervals are over test examples and seeds, for these languages. Languages may share their
examples, so the mean of a group of tasks is taken draw by draw.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from xstilts.analysis.example_scores import ExampleScores
from xstilts.analysis.gain_bootstrap import bootstrap_gains, systems_of
from xstilts.analysis.gain_table import gain_table
from xstilts.analysis.gains import ENGLISH, Gains, compute_gains
from xstilts.analysis.mcnemar_runs import paired_answers
from xstilts.analysis.mixed_runs import restricted
from xstilts.analysis.run_states import RunState, has_state
from xstilts.statistics.bootstrap import (
    add_seed_variance,
    bootstrap_p,
    draws_for,
    percentiles,
)
from xstilts.statistics.estimate import Estimate, Floats, missing_estimate
from xstilts.statistics.multiple_testing import benjamini_hochberg, holm
from xstilts.studies.result import untested
from xstilts.studies.study_data import StudyData


@dataclass(frozen=True)
class TargetGains:
    """The gains on one target; scores and gains are between 0 and 1.

    Args:
        data: of this target alone.
        examples: every example's scores.
        draws: of the bootstrap; more in each language if many gains are tested there.
    """

    data: StudyData
    examples: Sequence[ExampleScores]
    draws: int

    @classmethod
    def of(
        cls, data: StudyData, examples: Sequence[ExampleScores], target: str, draws: int
    ) -> TargetGains:
        """Those of one of the targets of an experiment, by its plain name: zero-shot."""
        cells = tuple(cell for cell in data.cells if cell.target == target)
        results = data.results[data.results["target"] == target]
        gains = compute_gains(results, cells, data.gains.baseline).among(data.tasks)
        mixed = restricted(data.gains.mixed, lambda _encoder, _setting, name: name == target)
        gains = replace(gains, swept=data.gains.swept, mixed=mixed)
        own = [scores for scores in examples if scores.target == target]
        return cls(replace(data, cells=cells, results=results, gains=gains), own, draws)

    @property
    def baseline(self) -> str:
        """The setting that the gains are over."""
        return self.data.gains.baseline

    @cached_property
    def overall(self) -> pd.DataFrame:
        """The gain of every setting over all languages other than English; see `gain_table`."""
        return self._table(self.examples, self.draws)

    @cached_property
    def by_language(self) -> pd.DataFrame:
        """The same in each language; the tasks of the group are corrected over all rows.

        A setting is judged with all of its runs: one that is excluded overall, or partial, is
        so in every language.
        """
        codes = sorted({cell.language for cell in self.data.cells} - {ENGLISH})
        draws = draws_for(len(codes) * len(self.data.group), self.draws)
        parts = [self._in_language(code, draws).assign(language=code) for code in codes]
        table = pd.concat(parts) if parts else self.overall.assign(language="")
        tested = table["intermediate"].isin(self.data.group) & ~has_state(table, RunState.SAME_DATA)
        p = table["p"].where(tested).to_numpy(dtype=np.float64)
        return table.assign(p_holm=holm(p), q=benjamini_hochberg(p))

    def _in_language(self, code: str, draws: int) -> pd.DataFrame:
        examples = [scores for scores in self.examples if scores.language == code]
        return self._table(examples, draws)

    def _table(self, examples: Sequence[ExampleScores], draws: int) -> pd.DataFrame:
        """The gain table of some examples, with the exclusions and states of all runs."""
        table = gain_table(self.data.results, self._every_gain, examples, draws)
        return table[table["main"]].assign(q=np.nan)

    @cached_property
    def _every_gain(self) -> Gains:
        """Those of all settings, also mixtures."""
        return compute_gains(self.data.results, self.data.cells, self.baseline)

    @cached_property
    def answers(self) -> pd.DataFrame:
        """McNemar's test of every run of the group's tasks; see `mcnemar_runs.COLUMNS`."""
        same_data = {cell.intermediate for cell in self.data.cells if cell.same_data}
        gains = self.data.gains.among(self.data.group - same_data)
        return paired_answers(gains, self.examples)

    @property
    def complete_tasks(self) -> tuple[str, ...]:
        """The group's tasks that have all of their gains."""
        table = self._complete
        return tuple(dict.fromkeys(table["task"]))

    @property
    def _complete(self) -> pd.DataFrame:
        table = self.data.table[self.data.table["task"].isin(self.data.group)]
        complete = table.groupby("task")["gain"].transform(lambda gains: gains.notna().all())
        return table[complete.astype(bool)]

    def group_mean(self, missing: str) -> Estimate:
        """The mean gain of the group's tasks that have all of their gains.

        Args:
            missing: the note where there is no such task.
        """
        table = self._complete
        foreign = [scores for scores in self.examples if scores.language != ENGLISH]
        tasks = list(self._drawn(foreign, {self.baseline, *table["task"]}))
        if not tasks:
            return missing_estimate(0, missing)
        drawn = add_seed_variance(np.mean(tasks, axis=0))
        n = sum({scores.language: len(scores.ids) for scores in foreign}.values())
        gain = float(table["gain"].mean())
        estimate = Estimate(gain, *percentiles(drawn), bootstrap_p(drawn), n)
        return untested(estimate) if tasks[0].shape[1] == 1 else estimate

    def _drawn(self, examples: Sequence[ExampleScores], settings: set[str]) -> Iterator[Floats]:
        """[draws, seeds] each task's gain over languages, in each draw of the examples."""
        metric = self.data.results["metric"].iloc[0] if len(self.data.results) else ""
        systems = systems_of(
            scores
            for scores in examples
            if scores.metric == metric and scores.intermediate in settings
        )
        if self.baseline in systems:
            drawn = bootstrap_gains({metric: systems}, self.draws, baseline=self.baseline)
            yield from drawn[metric].values()
