"""`multimodal`: does English NLI on text carry over to image-text NLI in other languages?

Image-text targets name `image` among their modalities, or among the modalities that they lack: a
caption instead of the image. Gains and intervals are those of `analysis.gain_table`: paired
bootstrap over test examples and seeds, for these languages. Languages may share their examples, so
the mean of the inference tasks is taken draw by draw.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import isnan

import numpy as np
import pandas as pd

from xstilts.analysis.example_scores import ExampleScores, example_scores
from xstilts.analysis.gain_bootstrap import bootstrap_gains, systems_of
from xstilts.analysis.gain_table import gain_table
from xstilts.analysis.gains import ENGLISH, compute_gains
from xstilts.analysis.layer_sweeps import task_of
from xstilts.analysis.mcnemar_runs import METRIC, paired_answers
from xstilts.analysis.run_states import RunState, has_state, states_text
from xstilts.analysis.training_steps import unequal_steps
from xstilts.config.intermediate import BASELINE
from xstilts.config.load import LoadedExperiment
from xstilts.planning.resolve import ResolvedExperiment
from xstilts.statistics.bootstrap import DRAWS, add_seed_variance, bootstrap_p, percentiles
from xstilts.statistics.estimate import LEVEL, Estimate, Floats, missing_estimate
from xstilts.statistics.multiple_testing import benjamini_hochberg, holm
from xstilts.statistics.one_sample import one_sample_mean
from xstilts.studies import base, render
from xstilts.studies import contrast_engine as engine
from xstilts.studies.result import POINTS, Result, in_points
from xstilts.studies.study_data import StudyData, read_data, single_tasks
from xstilts.tasks.base import TaskSpec

NAME = "multimodal"
QUESTION = (
    "Does English intermediate training on natural language inference carry over to zero-shot "
    "cross-lingual image-text inference?"
)
IMAGE, ENTAILMENT = "image", "entailment"
GROUPS = ("inference", "other")
NO_TARGET = (
    "Not answered: the experiment has no image-text target and no text form of one (add xvnli to "
    "`targets`)."
)
GAINS = (
    "Points of 100; means over seeds and the languages other than English. 95 % bootstrap interval "
    "over examples and, where there are several, seeds. same-data: the setting contains the "
    "target's own training data and is in no group."
)
CORRECTED = (
    "p_holm: of inference tasks, corrected for all of these rows; q: by Benjamini and Hochberg "
    "over the same rows, at most 5 % of those with q < 0.05 are expected to be false."
)
ANSWERS = (
    f"Points of {METRIC}, of single runs and the baseline's run with the same seed; seeds are not "
    "sampled. gained, lost: examples that are right only in this run, only in the baseline's. "
    "p: McNemar's exact test; 95 % interval by Agresti and Min; p_holm and q over these rows.",
    "detectable: the difference that a run shows with 80 % power, before any correction, given "
    "how many answers differ.",
)


def needs(_: LoadedExperiment) -> base.StudyRequirements:
    """Nothing more than the experiment as written."""
    return base.StudyRequirements()


def answer(evidence: base.Evidence) -> base.Answer:
    """The answer for every image-text target."""
    targets = targets_of(evidence.loaded)
    cells = [cell for cell in evidence.cells[base.OWN] if task_of(cell.target) in targets]
    return answered(evidence, example_scores(cells, evidence.store) if cells else [])


def answered(
    evidence: base.Evidence, outcomes: Sequence[ExampleScores], draws: int = DRAWS
) -> base.Answer:
    """The answer from every example's scores; see `analysis.example_scores`."""
    tasks = single_tasks(evidence.loaded)
    group = {name for name, task in tasks.items() if is_nli(task)}
    data = read_data(evidence, tasks, group)
    analyses = [
        MultimodalAnalysis(target, *_on_target(data, outcomes, target.name), draws)
        for target in targets_of(evidence.loaded).values()
    ]
    found = render.answer(NAME, QUESTION, analyses)
    return found if analyses else replace(found, summary=NO_TARGET)


def targets_of(loaded: LoadedExperiment) -> dict[str, TaskSpec]:
    """The image-text targets of an experiment, those of inference first."""
    names = ResolvedExperiment(loaded)
    tasks = {name: names.task(name) for name in loaded.experiment.targets}
    found = {name: task for name, task in tasks.items() if form_of(task)}
    return dict(sorted(found.items(), key=lambda item: not is_nli(item[1])))


def form_of(task: TaskSpec) -> str:
    """The form of an image-text task in words; empty if it is none."""
    if IMAGE in task.modalities:
        return "image and text"
    return "text alone, a caption instead of the image" if IMAGE in task.missing_modalities else ""


def is_nli(task: TaskSpec) -> bool:
    """Whether its classes are those of inference: three, or two as RTE has."""
    return ENTAILMENT in task.labels


def _on_target(
    data: StudyData, outcomes: Sequence[ExampleScores], target: str
) -> tuple[StudyData, list[ExampleScores]]:
    """The runs of one target."""
    cells = tuple(cell for cell in data.cells if task_of(cell.target) == target)
    results = data.results[data.results["target"].map(task_of) == target]
    gains = compute_gains(results, cells).among(data.tasks)
    own = [one for one in outcomes if task_of(one.target) == target]
    return replace(data, cells=cells, results=results, gains=gains), own


@dataclass(frozen=True)
class MultimodalAnalysis:
    """What is found on one target.

    Args:
        outcomes: every example's scores.
        draws: of the bootstrap.
    """

    target: TaskSpec
    data: StudyData
    outcomes: Sequence[ExampleScores]
    draws: int

    @cached_property
    def overall(self) -> pd.DataFrame:
        """The gain of every setting over all languages other than English; see `gain_table`."""
        frame = self.data.results
        gains = compute_gains(frame, self.data.cells)
        table = gain_table(frame, gains, self.outcomes, self.draws)
        return table[table["main"]].assign(q=np.nan)

    @cached_property
    def by_language(self) -> pd.DataFrame:
        """The same in each language, inference tasks corrected over all rows."""
        codes = sorted({cell.language for cell in self.data.cells} - {ENGLISH})
        parts = [self._in_language(code).overall.assign(language=code) for code in codes]
        table = pd.concat(parts) if parts else self.overall.assign(language="")
        asked = table["intermediate"].isin(self.data.group) & ~has_state(table, RunState.SAME_DATA)
        p = table["p"].where(asked).to_numpy(dtype=np.float64)
        return table.assign(p_holm=holm(p), q=benjamini_hochberg(p))

    def _in_language(self, code: str) -> MultimodalAnalysis:
        cells = tuple(cell for cell in self.data.cells if cell.language == code)
        results = self.data.results[self.data.results["language"] == code]
        outcomes = [one for one in self.outcomes if one.language == code]
        return replace(
            self, data=replace(self.data, cells=cells, results=results), outcomes=outcomes
        )

    @cached_property
    def answers(self) -> pd.DataFrame:
        """McNemar's test of every run after an inference task; see `mcnemar_runs.COLUMNS`."""
        same_data = {cell.intermediate for cell in self.data.cells if cell.same_data}
        gains = self.data.gains.among(self.data.group - same_data)
        return paired_answers(gains.runs, self.outcomes)

    @cached_property
    def together(self) -> Result:
        """The mean gain of the inference tasks that have all of their gains."""
        table = self.data.table[self.data.table["task"].isin(self.data.group)]
        complete = table.groupby("task")["gain"].transform(lambda gains: gains.notna().all())
        table = table[complete.astype(bool)]
        foreign = [one for one in self.outcomes if one.language != ENGLISH]
        runs = list(self._draws(foreign, {BASELINE, *table["task"]}))
        estimate = missing_estimate(0, "no inference task has all of its scores")
        if runs:
            drawn = add_seed_variance(np.mean(runs, axis=0))
            n = sum({one.language: len(one.ids) for one in foreign}.values())
            ends, p = percentiles(drawn), bootstrap_p(drawn)
            estimate = in_points(Estimate(float(table["gain"].mean()), *ends, p, n))
        name, form = self.target.name, form_of(self.target)
        question = f"Mean gain of English inference tasks on {name} ({form})"
        return Result(f"{name}-inference", question, estimate)

    def _draws(self, outcomes: Sequence[ExampleScores], settings: set[str]) -> Iterator[Floats]:
        """[draws, seeds] each task's gain over languages, in each draw of the examples."""
        metric = self.data.results["metric"].iloc[0] if len(self.data.results) else ""
        for target in dict.fromkeys(cell.target for cell in self.data.cells):
            systems = systems_of(
                scores
                for scores in outcomes
                if (scores.target, scores.metric) == (target, metric)
                and scores.intermediate in settings
            )
            if BASELINE in systems:
                yield from bootstrap_gains({metric: systems}, self.draws)[metric].values()

    @cached_property
    def contrast(self) -> Result:
        """Inference tasks minus the others, over tasks."""
        name = f"{self.target.name}-versus"
        question = f"Gain of inference tasks minus gain of the other tasks on {self.target.name}"
        if self.data.table.empty:
            return Result(name, question, missing_estimate(0, "no intermediate task has a gain"))
        return engine.contrast_result(name, question, self.data.table, self.data.group)

    def _rows(self, table: pd.DataFrame) -> Iterator[Result]:
        """A gain table as results, in points."""
        for _, row in table.iterrows():
            setting, note = row["intermediate"], states_text(row["states"])
            note = note or ("no score yet" if isnan(row["gain"]) else "")
            value, low, high, p = (float(row[name]) for name in ("gain", "low", "high", "p"))
            group = GROUPS[setting not in self.data.group]
            yield Result(
                f"{self.target.name}-after-{setting}",
                f"Gain after {setting} on {self.target.name}",
                in_points(Estimate(value, low, high, p, int(row["n"]), note)),
                p_adjusted=row["p_holm"],
                q=row["q"],
                labels={
                    **({"language": row["language"]} if "language" in table else {}),
                    "intermediate": setting,
                    "group": group if setting in self.data.tasks else "mixture",
                    "baseline": 100 * row["baseline"],
                    "score": 100 * row["score"],
                },
            )

    def summary(self) -> str:
        """The mean gain of the inference tasks, and how it compares with other tasks."""
        return render.summary([self.together, self.contrast])

    def findings(self) -> Iterator[base.Finding]:
        """Each inference task; languages and single runs; all of them; the contrast."""
        name = self.target.name
        asked = self.overall[self.overall["intermediate"].isin(self.data.group)]
        for gain in self._rows(asked):
            corrected = replace(gain.estimate, p=gain.p_adjusted)
            yield render.finding(replace(gain, estimate=corrected))
        tested = self.by_language[self.by_language["p_holm"].notna()]
        if len(tested):
            text = f"Gains after inference tasks on {name} by language"
            yield base.Finding(
                f"{name}-languages", f"{text}: {render.significance_counts(tested, 'gain')}."
            )
        if len(self.answers):
            text = f"Single runs after inference tasks on {name} and the baseline's run"
            power = 100 * self.answers["detectable"].median()
            none = not (self.answers["p_holm"] < LEVEL).any() and not isnan(power)
            seen = f"; 80 % power from {render.format_number(power, POINTS, signed=False)}"
            counts = render.significance_counts(self.answers, "difference")
            text = f"{text}: {counts}{seen if none else ''}."
            yield base.Finding(f"{name}-answers", text)
        yield from map(render.finding, (self.together, self.contrast))

    def tables(self) -> Iterator[base.StudyTable]:
        """All settings, over languages and in each, and single runs after inference tasks."""
        name = self.target.name
        for part, title, table, notes in (
            ("settings", f"{name} after every setting", self.overall, (GAINS,)),
            ("languages", f"{name} in every language", self.by_language, (GAINS, CORRECTED)),
        ):
            yield render.results_table(f"{name}-{part}", title, self._rows(table), notes, "gain")
        scores = ["difference", "low", "high", "detectable"]
        answers = self.answers.assign(**{one: 100 * self.answers[one] for one in scores})
        title = f"{name}: correct answers after inference tasks, run by run"
        yield base.StudyTable(f"{name}-answers", title, answers, ANSWERS)

    def figures(self) -> Iterator[base.Figure]:
        """The mean gain of both groups in each language, with its interval."""
        table, name = self.by_language, self.target.name
        known = table[table["gain"].notna() & ~has_state(table, RunState.SAME_DATA)]
        codes = tuple(sorted(set(known["language"])))
        parts = dict(zip(GROUPS, (self.data.group, self.data.others), strict=True))
        rows = {
            (code, group): known[(known["language"] == code) & known["intermediate"].isin(tasks)]
            for code in codes
            for group, tasks in parts.items()
        }
        means = [
            {group: _mean(rows[code, group]) for group in GROUPS if len(rows[code, group])}
            for code in codes
        ]
        if series := tuple(engine.group_series(means, GROUPS)):
            title, y = f"{name}: mean gain by language", "gain, points of 100"
            id_ = f"{name}-by-language"
            yield base.Figure(id_, title, "language", y, series, zero=True, ticks=codes)

    def caveats(self) -> Iterator[str]:
        """Exclusions, the form of the target, training budgets, and what intervals are about."""
        name = self.target.name
        yield from self.data.gains.caveats()
        if IMAGE not in self.target.modalities:
            yield f"{name} was evaluated on text alone: no vision model was evaluated."
        if not is_nli(self.target):
            yield f"{name} is not an inference task: it shows whether anything carries over at all."
        yield from unequal_steps(self.data.steps)
        yield f"{name}: intervals are for these languages, not for others."


def _mean(rows: pd.DataFrame) -> Estimate:
    """The mean of several tasks over tasks; one task's own gain over examples and seeds."""
    if len(rows) > 1:
        return in_points(one_sample_mean(rows["gain"]))
    row = rows.iloc[0]
    return in_points(Estimate(float(row["gain"]), float(row["low"]), float(row["high"]), n=1))


STUDY = base.Study(NAME, QUESTION, needs, answer)
