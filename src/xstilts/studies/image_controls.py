"""What a target's images add to its score, and what a gain on it owes to them.

The control of a target has its test examples without their images. See
`analysis.control_contrasts` for the statistics.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from xstilts.analysis.control_contrasts import ControlDifference, ControlledRuns
from xstilts.analysis.example_scores import ExampleScores
from xstilts.analysis.run_states import RunState, has_state, without_state
from xstilts.config.intermediate import NO_INTERMEDIATE
from xstilts.statistics.estimate import Estimate
from xstilts.studies import base, render
from xstilts.studies.result import OF_GAINS, Result, Significance, adjusted, in_points, untested
from xstilts.studies.study_data import StudyData
from xstilts.studies.target_gains import TargetGains

NOTES = (
    "Points (0–100); means over the languages other than English and over seeds, with 95 % "
    "bootstrap intervals over examples and seeds, which are the same for the target and its "
    "control.",
    "above: score minus the control's score, after the inference tasks; baseline_above: the same "
    "without intermediate training. gain_above: gain minus the control's gain, with its p; p_holm "
    "and q are corrected over the inference tasks.",
)


@dataclass(frozen=True)
class ControlAnalysis:
    """A target with its control.

    Args:
        target, control: their names.
        gains, control_gains: on each of them.
    """

    target: str
    control: str
    gains: TargetGains
    control_gains: TargetGains

    @classmethod
    def of(
        cls, data: StudyData, outcomes: Sequence[ExampleScores], target: str, control: str,
        draws: int,
    ) -> ControlAnalysis:  # fmt: skip
        """Those of two targets of an experiment."""
        frame = data.results
        is_control = frame["target"] == control
        collapsed = is_control & has_state(frame, RunState.COLLAPSED)
        used = replace(data, results=without_state(frame, RunState.COLLAPSED, collapsed))
        return cls(
            target,
            control,
            TargetGains.of(data, outcomes, target, draws),
            TargetGains.of(used, outcomes, control, draws),
        )

    @cached_property
    def runs(self) -> ControlledRuns:
        """The zero-shot runs of both."""
        metrics = self.gains.data.results["metric"]
        metric = str(metrics.iloc[0]) if len(metrics) else ""
        both = self.gains.examples, self.control_gains.examples
        return ControlledRuns.of(*both, metric, self.gains.draws, self.gains.baseline)

    @property
    def tasks(self) -> tuple[str, ...]:
        """The inference tasks with all gains on both."""
        of_control = self.control_gains.complete_tasks
        return tuple(name for name in self.gains.complete_tasks if name in of_control)

    @property
    def scored_tasks(self) -> tuple[str, ...]:
        """The inference tasks with all scores on both, whatever these are, but no same data."""
        cells = [*self.gains.data.cells, *self.control_gains.data.cells]
        same_data = {cell.intermediate for cell in cells if cell.same_data}
        lacking = {
            cell.intermediate
            for cell in cells
            if not self.runs.has(
                cell.intermediate,
                (cell.language, cell.seed),
                on_target=cell.target == self.target,
            )
        }
        group = self.gains.data.group - same_data - lacking
        return tuple(name for name in self.gains.data.tasks if name in group)

    @cached_property
    def above(self) -> tuple[Result, Result]:
        """The score above the control's, of the baseline and after inference tasks.

        The two are corrected together, as one of them is enough for the verdict.
        """
        start = f"{self.target} minus its control {self.control}"
        baseline = self.gains.baseline
        before = (
            "without intermediate training" if baseline == NO_INTERMEDIATE else f"after {baseline}"
        )
        parts = (("none", before, (baseline,)),
                 ("inference", "after inference tasks", self.scored_tasks))  # fmt: skip
        results = [
            _result(
                f"{self.target}-above-control-{name}",
                f"Score on {start}, {when}",
                self.runs.score_difference(settings),
            )
            for name, when, settings in parts
        ]
        first, second = adjusted(results)
        return first, second

    @cached_property
    def by_task(self) -> list[Result]:
        """The difference of the gains after each inference task, corrected for all of them."""
        results = [
            _result(
                f"{self.target}-gain-above-control-{task}",
                f"Gain after {task} on {self.target} minus its gain on {self.control}",
                self.runs.gain_difference([task]),
                OF_GAINS,
            )
            for task in self.tasks
        ]
        return adjusted(results)

    @cached_property
    def together(self) -> Result:
        """The same for the mean of the inference tasks."""
        question = (
            f"Mean gain of English inference tasks on {self.target} minus their gain on "
            f"{self.control}"
        )
        difference = self.runs.gain_difference(self.tasks)
        return _result(f"{self.target}-gain-above-control", question, difference, OF_GAINS)

    @property
    def verdict(self) -> str:
        """Whether anything about images was learned."""
        above = [part for part in self.above if part.significant and part.estimate.value > 0]
        if above:
            return ""
        states = {part.significance for part in self.above}
        if states <= {Significance.NOT_TESTED, Significance.NOT_ENOUGH_DATA}:
            return (
                f"Whether anything about images was learned on {self.target} is not tested: its "
                "gains may be gains on text."
            )
        return (
            f"Nothing about images is shown to have been learned on {self.target}: no score is "
            f"significantly above that of {self.control}, so that gains may be gains on text."
        )

    def summary(self) -> str:
        """The score above the control's, the difference of gains, and what follows."""
        text = render.summary([*self.above, self.together])
        return f"{text} {self.verdict}".rstrip()

    def findings(self) -> Iterator[base.Finding]:
        """The same with every inference task."""
        yield from map(render.finding, (*self.above, self.together, *self.by_task))
        if self.verdict:
            yield base.Finding(f"{self.target}-images", self.verdict)

    def tables(self) -> Iterator[base.StudyTable]:
        """Every inference task, and every language."""
        title = f"{self.target} and its control {self.control}"
        for part, heading, rows in (
            ("tasks", "by inference task", self._task_rows()),
            ("languages", "by language", self._language_rows()),
        ):
            name = f"{self.target}-control-{part}"
            if results := list(rows):
                yield render.results_table(
                    name, f"{title}, {heading}", results, NOTES, "gain_above"
                )

    def _task_rows(self) -> Iterator[Result]:
        for task, result in zip(self.tasks, self.by_task, strict=True):
            yield replace(
                result, labels={"intermediate": task}, extra=self._above(self.runs, [task])
            )

    def _language_rows(self) -> Iterator[Result]:
        for code in self.runs.languages:
            runs = self.runs.in_language(code)
            gain = _result("", "", runs.gain_difference(self.tasks), OF_GAINS)
            yield replace(gain, labels={"language": code}, extra=self._above(runs, self.tasks))

    def _above(self, runs: ControlledRuns, settings: Sequence[str]) -> dict[str, Estimate]:
        """Scores above the control's, of the baseline and after some settings."""
        parts = {"baseline_above": [self.gains.baseline], "above": settings}
        return {
            name: _result("", "", runs.score_difference(chosen)).estimate
            for name, chosen in parts.items()
        }


def _result(name: str, question: str, difference: ControlDifference, most: float = 100.0) -> Result:
    """A difference in points, which is at most so large in either direction."""
    estimate = in_points(difference.estimate, most)
    return Result(name, question, untested(estimate) if difference.seeds == 1 else estimate)
