"""`multimodal`: does English NLI on text carry over to image-text NLI in other languages?

A gain is about images only where the target's control, which has the same examples without their
images, does not have it, and where the target is above its control at all (`image_controls`).

Image-text targets name `image` among their modalities, or among the modalities that they lack: a
caption instead of the image. Gains and intervals are those of `analysis.gain_table`: paired
bootstrap over test examples and seeds, for these languages. Languages may share their examples, so
the mean of the inference tasks is taken draw by draw.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import isnan

import pandas as pd

from xstilts.analysis.example_scores import ExampleScores, example_scores
from xstilts.analysis.mcnemar_runs import METRIC
from xstilts.analysis.mixed_runs import caveats_of, mixed_gains
from xstilts.analysis.run_states import RunState, has_state, states_text
from xstilts.analysis.training_steps import unequal_steps
from xstilts.config.load import LoadedExperiment
from xstilts.planning.compile import CompiledPlan
from xstilts.planning.resolve import ResolvedExperiment
from xstilts.statistics.bootstrap import DRAWS
from xstilts.statistics.estimate import LEVEL, Estimate, missing_estimate
from xstilts.statistics.one_sample import one_sample_mean
from xstilts.studies import base, render
from xstilts.studies import contrast_engine as engine
from xstilts.studies.image_controls import ControlAnalysis
from xstilts.studies.prospects import (
    PlannedGains,
    Prospect,
    contrast_prospect,
    seeds_prospect,
)
from xstilts.studies.result import POINTS, Result, in_points, untested
from xstilts.studies.study_data import StudyData, read_data, single_tasks, zero_shot_runs
from xstilts.studies.target_gains import TargetGains
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
    "Points (0–100); means over seeds and the languages other than English. 95 % bootstrap "
    "interval over examples and, where there are several, seeds. same-data: the setting contains "
    "the target's own training data and is in no group."
)
CORRECTED = (
    "p_holm: of inference tasks, corrected for all of these rows; q: by Benjamini and Hochberg "
    "over the same rows, at most 5 % of those with q < 0.05 are expected to be false."
)
ANSWERS = (
    f"Points of {METRIC}, of single runs and the baseline's run with the same seed. The tests are "
    "over examples: seeds are not sampled, so no single run shows a significant gain. gained, "
    "lost: examples that are right only in this run, only in the baseline's. p: McNemar's exact "
    "test; 95 % interval by Agresti and Min; p_holm and q over these rows.",
    "detectable: the difference that a run shows with 80 % power, before any correction, given "
    "how many answers differ.",
)


def needs(_: LoadedExperiment) -> base.StudyRequirements:
    """Nothing more than the experiment as written."""
    return base.StudyRequirements()


def answer(evidence: base.Evidence) -> base.Answer:
    """The answer for every image-text target."""
    read = image_targets(evidence.loaded)
    _, runs, _ = zero_shot_runs(evidence)
    cells = [cell for cell in runs if cell.target in read]
    return answered(evidence, example_scores(cells, evidence.store) if cells else [])


def answered(
    evidence: base.Evidence, outcomes: Sequence[ExampleScores], draws: int = DRAWS
) -> base.Answer:
    """The answer from every example's scores; see `analysis.example_scores`.

    Args:
        outcomes: their targets have plain names; those of other evaluations are not used.
    """
    tasks = single_tasks(evidence.loaded)
    group = {name for name, task in tasks.items() if is_nli(task)}
    data = read_data(evidence, tasks, group)
    mixed = mixed_gains(data.cells, data.gains.baseline, evidence.store)  # also of mixtures
    data = replace(data, gains=replace(data.gains, mixed=mixed))
    controls = controls_of(evidence.loaded)
    analyses = [
        MultimodalAnalysis(
            target,
            TargetGains.of(data, outcomes, target.name, draws),
            tuple(
                ControlAnalysis.of(data, outcomes, target.name, control, draws)
                for control in controls.get(target.name, ())
            ),
        )
        for target in targets_of(evidence.loaded).values()
    ]
    result = render.answer(NAME, QUESTION, analyses)
    return result if analyses else replace(result, summary=NO_TARGET)


def prospects(loaded: LoadedExperiment, plans: Mapping[str, CompiledPlan]) -> Iterator[Prospect]:
    """Of the mean gain of inference tasks and their contrast with others, on each target."""
    planned, tasks = PlannedGains.of(plans[base.OWN]), single_tasks(loaded)
    names = list(targets_of(loaded))
    if not names:
        yield seeds_prospect("Gain of inference tasks on image-text targets", 0, NO_TARGET)
    for name in names:
        usable = set(planned.tasks_on(tasks, [name]))
        group = {task for task in usable if is_nli(tasks[task])}
        problem = planned.problem([name]) or ("" if group else "no inference task has a gain on it")
        question = f"Mean gain of inference tasks on {name}"
        yield seeds_prospect(question, planned.seeds, problem)
        question = f"Gain of inference tasks minus gain of the other tasks on {name}"
        yield contrast_prospect(question, planned, (group, usable - group), problem=problem)


def image_targets(loaded: LoadedExperiment) -> dict[str, TaskSpec]:
    """The image-text targets of an experiment and their controls, those of inference first."""
    names = ResolvedExperiment(loaded)
    tasks = {name: names.task(name) for name in loaded.experiment.targets}
    targets = {name: task for name, task in tasks.items() if form_of(task)}
    return dict(sorted(targets.items(), key=lambda item: not is_nli(item[1])))


def controls_of(loaded: LoadedExperiment) -> dict[str, tuple[str, ...]]:
    """Target → its controls among the experiment's targets."""
    targets = image_targets(loaded)
    found = {
        name: tuple(other for other, task in targets.items() if task.control_of == name)
        for name in targets
    }
    return {name: controls for name, controls in found.items() if controls}


def targets_of(loaded: LoadedExperiment) -> dict[str, TaskSpec]:
    """The image-text targets of an experiment, without the controls of others."""
    targets = image_targets(loaded)
    return {name: task for name, task in targets.items() if task.control_of not in targets}


def form_of(task: TaskSpec) -> str:
    """The form of an image-text task in words; empty if it is none."""
    if task.withholds_image:
        return "text alone, without the image"
    if IMAGE in task.modalities:
        return "image and text"
    return "text alone, a caption instead of the image" if IMAGE in task.missing_modalities else ""


def sees_image(task: TaskSpec) -> bool:
    """Whether its examples are read with their images."""
    return IMAGE in task.modalities and not task.withholds_image


def is_nli(task: TaskSpec) -> bool:
    """Whether its classes are those of inference: three, or two as RTE has."""
    return ENTAILMENT in task.labels


@dataclass(frozen=True)
class MultimodalAnalysis:
    """The answers on one target.

    Args:
        controls: of the target, among the experiment's targets.
    """

    target: TaskSpec
    gains: TargetGains
    controls: tuple[ControlAnalysis, ...] = ()

    @property
    def data(self) -> StudyData:
        """The runs of the target."""
        return self.gains.data

    @cached_property
    def together(self) -> Result:
        """The mean gain of the inference tasks that have all of their gains."""
        name, form = self.target.name, form_of(self.target)
        question = f"Mean gain of English inference tasks on {name} ({form})"
        mean = self.gains.group_mean("no inference task has all of its scores")
        return Result(f"{name}-inference", question, in_points(mean))

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
            estimate = in_points(Estimate(value, low, high, p, int(row["n"]), note))
            group = GROUPS[setting not in self.data.group]
            yield Result(
                f"{self.target.name}-after-{setting}",
                f"Gain after {setting} on {self.target.name}",
                untested(estimate) if row["seeds"] == 1 else estimate,
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
        text = render.summary([self.together, self.contrast])
        return " ".join([text, *(control.summary() for control in self.controls)])

    def findings(self) -> Iterator[base.Finding]:
        """Each inference task; languages and single runs; all of them; the contrast."""
        name, overall, by_language = self.target.name, self.gains.overall, self.gains.by_language
        for gain in self._rows(overall[overall["intermediate"].isin(self.data.group)]):
            corrected = replace(gain.estimate, p=gain.p_adjusted)
            yield render.finding(replace(gain, estimate=corrected))
        tested = by_language[by_language["p_holm"].notna()]
        if len(tested):
            text = f"Gains after inference tasks on {name} by language"
            counts = render.significance_counts(tested, "gain")
            yield base.Finding(f"{name}-languages", f"{text}: {counts}.")
        answers = self.gains.answers
        if len(answers):
            text = f"Single runs after inference tasks on {name} and the baseline's run"
            counts = example_counts(answers)
            detectable = 100 * answers["detectable"].median()
            if not (answers["p_holm"] < LEVEL).any() and not isnan(detectable):
                number = render.format_number(detectable, POINTS, signed=False)
                counts += f"; 80 % power from {number}"
            yield base.Finding(f"{name}-answers", f"{text}: {counts}.")
        yield from map(render.finding, (self.together, self.contrast))
        for control in self.controls:
            yield from control.findings()

    def tables(self) -> Iterator[base.StudyTable]:
        """All settings, over languages and in each, and single runs after inference tasks."""
        name = self.target.name
        for part, title, table, notes in (
            ("settings", f"{name} after every setting", self.gains.overall, (GAINS,)),
            ("languages", f"{name} in every language", self.gains.by_language, (GAINS, CORRECTED)),
        ):
            yield render.results_table(f"{name}-{part}", title, self._rows(table), notes, "gain")
        scores, answers = ["difference", "low", "high", "detectable"], self.gains.answers
        answers = answers.assign(**{column: 100 * answers[column] for column in scores})
        title = f"{name}: correct answers after inference tasks, run by run"
        yield base.StudyTable(f"{name}-answers", title, answers, ANSWERS)
        for control in self.controls:
            yield from control.tables()

    def figures(self) -> Iterator[base.Figure]:
        """The mean gain of both groups in each language, with its interval."""
        table, name = self.gains.by_language, self.target.name
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
            title, y = f"{name}: mean gain by language", "gain (points)"
            id_ = f"{name}-by-language"
            yield base.Figure(id_, title, "language", y, series, zero=True, ticks=codes)

    def caveats(self) -> Iterator[str]:
        """Exclusions, the form of the target, training budgets, and what intervals are about."""
        name = self.target.name
        yield from self.data.gains.caveats()
        for control in self.controls:
            yield from caveats_of(control.control_gains.data.gains.mixed)
        if sees_image(self.target) and not self.controls and self.target.format_spec.input_only:
            yield (
                f"{name} was evaluated without a control: its gains may be gains on text (add a "
                "target that withholds its images)."
            )
        if not sees_image(self.target):
            yield f"{name} was evaluated on text alone: no vision model was evaluated."
        if not is_nli(self.target):
            yield f"{name} is not an inference task: it shows whether anything carries over at all."
        yield from unequal_steps(self.data.steps)
        yield f"{name}: intervals are for these languages, not for others."


def example_counts(answers: pd.DataFrame) -> str:
    """How many single runs differ from the baseline's by McNemar's test, in each direction.

    The verdict is on these runs and over examples, never on the setting: a run is of one seed.
    """
    differs, difference = answers["p_holm"] < LEVEL, answers["difference"]
    more, less = (int((differs & side).sum()) for side in (difference > 0, difference < 0))
    return (
        f"of {len(answers)}, {more} have more right answers and {less} fewer, with p < {LEVEL} "
        "over examples alone (McNemar, Holm); significance over seeds is not tested"
    )


def _mean(rows: pd.DataFrame) -> Estimate:
    """The mean of several tasks over tasks; one task's own gain over examples and seeds."""
    if len(rows) > 1:
        return in_points(one_sample_mean(rows["gain"]))
    row = rows.iloc[0]
    return in_points(Estimate(float(row["gain"]), float(row["low"]), float(row["high"]), n=1))


STUDY = base.Study(NAME, QUESTION, needs, answer, prospects)
