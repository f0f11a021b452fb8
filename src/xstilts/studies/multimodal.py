"""`multimodal`: does English NLI on text carry over to image-text NLI in other languages?

It is about the image-text targets of the experiment: tasks that name `image` among their
`modalities`, or among what they have `left_out`. The second is what stands in for the first: a
caption instead of the image, and the answer says which form was measured.

Gains and intervals are those of `analysis.stats`: paired bootstrap over test examples and seeds,
for these languages. So is the headline, averaged over the inference tasks draw by draw: languages
share their test examples, so they are no independent points. Holm's correction counts every
inference task in every language. How NLI compares with other intermediate tasks has tasks as its
points (`statistics.groups`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import isnan

import numpy as np
import pandas as pd

from xstilts.analysis.scan import SAME_DATA, expected, outcomes
from xstilts.analysis.stats import ENGLISH, Outcome, drawn_gains, gain_table
from xstilts.config.load import Loaded
from xstilts.config.setting import BASELINE
from xstilts.stages.compile import Cell
from xstilts.stages.names import Names
from xstilts.statistics.bootstrap import DRAWS, over_seeds, percentiles, two_sided
from xstilts.statistics.estimate import LEVEL, Estimate, Floats, nothing
from xstilts.statistics.groups import contrast
from xstilts.statistics.means import mean
from xstilts.statistics.multiple import benjamini_hochberg, holm
from xstilts.statistics.places import without_places
from xstilts.studies.base import (
    OWN,
    Answer,
    Evidence,
    Figure,
    Finding,
    Needs,
    Study,
    StudyTable,
    marked,
)
from xstilts.studies.budget import steps_of, unequal
from xstilts.studies.gains import Gains, gains_of
from xstilts.studies.paired import METRIC, paired_answers
from xstilts.studies.points import gains_by_task, single_tasks
from xstilts.studies.sweeps import task_of
from xstilts.studies.wording import in_points, verdict
from xstilts.tasks.base import TaskSpec

QUESTION = (
    "Does English intermediate training on natural language inference carry over to zero-shot "
    "cross-lingual image-text inference?"
)
IMAGE = "image"
ENTAILED = "entailment"
"""The label that makes a task one of inference."""
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
WOULD_BE_SEEN = (
    "a difference of {:.1f} points would be found in four of five such runs, before any correction"
)
NOTHING = (
    "Not asked here: the experiment has no image-text target, nor the text of one (add xvnli to "
    "`targets`)."
)


def form_of(task: TaskSpec) -> str:
    """Which form of an image-text task it is, in words; empty if it is none."""
    if IMAGE in task.modalities:
        return "image and text"
    return "text alone, a caption stands for the image" if IMAGE in task.left_out else ""


def is_nli(task: TaskSpec) -> bool:
    """Whether its classes are those of inference: three, or two as RTE has."""
    return ENTAILED in task.labels


def targets_of(loaded: Loaded) -> dict[str, TaskSpec]:
    """The image-text targets of an experiment, those of inference first."""
    names = Names(loaded)
    found = {name: names.task(name) for name in loaded.experiment.targets}
    asked = {name: task for name, task in found.items() if form_of(task)}
    return dict(sorted(asked.items(), key=lambda item: not is_nli(item[1])))


def needs(_loaded: Loaded) -> Needs:
    """Nothing beside the experiment as written."""
    return Needs()


def answer(evidence: Evidence) -> Answer:
    """The answer for every image-text target that there is."""
    cells = _cells(evidence)
    return answered(evidence, outcomes(cells, evidence.store) if cells else [])


def answered(evidence: Evidence, found: Sequence[Outcome], draws: int = DRAWS) -> Answer:
    """The answer from every example's statistics; see `analysis.scan.outcomes`."""
    tasks = single_tasks(evidence.loaded)
    group = frozenset(name for name, task in tasks.items() if is_nli(task))
    looks = []
    for target, task in targets_of(evidence.loaded).items():
        cells = [cell for cell in _cells(evidence) if task_of(cell.target) == target]
        mine = [one for one in found if task_of(one.target) == target]
        looks.append(_Look(evidence, task, cells, mine, frozenset(tasks), group, draws))
    caveats = dict.fromkeys(text for look in looks for text in look.caveats())
    return Answer(
        study="multimodal",
        question=QUESTION,
        summary=" ".join(look.summary() for look in looks) or NOTHING,
        findings=tuple(finding for look in looks for finding in look.findings()),
        tables=tuple(table for look in looks for table in look.tables()),
        figures=tuple(figure for look in looks for figure in look.figures()),
        caveats=tuple(caveats),
    )


def _cells(evidence: Evidence) -> list[Cell]:
    asked = targets_of(evidence.loaded)
    return [cell for cell in evidence.cells[OWN] if task_of(cell.target) in asked]


@dataclass(frozen=True)
class _Look:
    """One target's gains, by setting, by language and by group.

    Args:
        tasks, group: settings of one task; those of them that are inference.
    """

    evidence: Evidence
    target: TaskSpec
    cells: Sequence[Cell]
    outcomes: Sequence[Outcome]
    tasks: frozenset[str]
    group: frozenset[str]
    draws: int

    @cached_property
    def results(self) -> pd.DataFrame:
        frame = self.evidence.results[OWN]
        return frame[frame["target"].map(task_of) == self.target.name]

    @cached_property
    def gains(self) -> Gains:
        return gains_of(self.results, self.cells).among(self.tasks)

    @cached_property
    def by_task(self) -> pd.DataFrame:
        return gains_by_task(self.gains, self.tasks)

    @cached_property
    def overall(self) -> pd.DataFrame:
        """The gain of every setting over all languages but English."""
        return self._gain_table(self.cells, self.outcomes, self.results)

    @cached_property
    def by_language(self) -> pd.DataFrame:
        """The gain of every setting in each language; those of inference corrected for all."""
        parts = []
        for code in sorted({cell.language for cell in self.cells} - {ENGLISH}):
            cells = [cell for cell in self.cells if cell.language == code]
            mine = [one for one in self.outcomes if one.language == code]
            here = self.results[self.results["language"] == code]
            parts.append(self._gain_table(cells, mine, here).assign(language=code))
        table = pd.concat(parts) if parts else self.overall.assign(language="")
        asked = table["intermediate"].isin(self.group) & ~_holds_data(table)
        tested = table["p"].where(asked).to_numpy(dtype=np.float64)
        return table.assign(p_holm=holm(tested), q=benjamini_hochberg(tested))

    @cached_property
    def answers(self) -> pd.DataFrame:
        """McNemar's test of every run after an inference task; see `paired.COLUMNS`."""
        held = {cell.intermediate for cell in self.cells if cell.same_data}
        return paired_answers(self.outcomes, self.group - held)

    def _gain_table(
        self, cells: Sequence[Cell], found: Sequence[Outcome], frame: pd.DataFrame
    ) -> pd.DataFrame:
        table = gain_table(found, frame, expected(cells), self.draws)
        return table[table["main"]]

    def findings(self) -> Iterator[Finding]:
        """Each inference task, how many languages gain, all of them together, and the others."""
        name = self.target.name
        for _, row in self.overall[self.overall["intermediate"].isin(self.group)].iterrows():
            found = _of_row(row)
            text = f"{name} after {row['intermediate']}: {verdict(found)}."
            yield Finding(f"{name}-after-{row['intermediate']}", text, found)
        tested = self.by_language[self.by_language["p_holm"].notna()]
        if len(tested):
            text = f"{name} by language: of {len(tested)} gains after inference tasks, "
            yield Finding(f"{name}-languages", text + _sides(tested, tested["gain"]))
        if len(self.answers):
            yield Finding(f"{name}-answers", self._answers())
        together = self._together
        text = f"{name} after inference tasks, their mean over these languages"
        yield Finding(f"{name}-inference", f"{text}: {verdict(together)}.", together)
        versus = self._versus()
        text = f"{name}: gain of inference tasks minus gain of the other intermediate tasks"
        yield Finding(f"{name}-versus", f"{text}: {verdict(versus)}.", versus)

    def _answers(self) -> str:
        """How many single runs differ from the baseline's, and what would have been seen."""
        table = self.answers
        text = (
            f"{self.target.name}, run by run: of {len(table)} differences in right answers to the "
            f"baseline's run with the same seed, {_sides(table, table['difference'])}"
        )
        if (table["p_holm"] < LEVEL).any():
            return text
        seen = 100 * table["detectable"].median()
        return text if isnan(seen) else f"{text[:-1]}; {WOULD_BE_SEEN.format(seen)}."

    @cached_property
    def _together(self) -> Estimate:
        """The mean gain of the inference tasks that have all of theirs, over examples and seeds."""
        table = self.by_task[self.by_task["task"].isin(self.group)]
        whole = table.groupby("task")["gain"].transform(lambda gains: gains.notna().all())
        table = table[whole.astype(bool)]
        runs = list(self._runs(set(table["task"])))
        if not runs:
            return nothing(0, "no inference task has all of its scores")
        drawn = over_seeds(np.mean(runs, axis=0))
        n = sum({one.language: len(one.ids) for one in self._abroad}.values())
        value = float(table["gain"].mean())
        return in_points(Estimate(value, *percentiles(drawn), two_sided(drawn), n))

    def _runs(self, tasks: Collection[str]) -> Iterator[Floats]:
        """[draws, seeds] each task's gain over languages, in each draw of the examples."""
        metric = self.results["metric"].iloc[0] if len(self.results) else ""
        for target in dict.fromkeys(cell.target for cell in self.cells):
            systems: dict[str, dict[tuple[str, int], Outcome]] = {}
            for one in self._abroad:
                here = one.target == target and one.metric == metric
                if here and one.intermediate in {BASELINE, *tasks}:
                    systems.setdefault(one.intermediate, {})[one.language, one.seed] = one
            if BASELINE in systems:
                yield from drawn_gains(metric, systems, self.draws).values()

    @property
    def _abroad(self) -> list[Outcome]:
        return [one for one in self.outcomes if one.language != ENGLISH]

    def _versus(self) -> Estimate:
        if self.by_task.empty:
            return nothing(0, "no intermediate task has a gain")
        table = without_places(self.by_task)
        return in_points(contrast(table, self.group, model=False).tasks)

    def summary(self) -> str:
        """One target's answer in a sentence or two."""
        form = f"{self.target.name} ({form_of(self.target)})"
        found = self._together
        if found.value != found.value:
            return f"{form}: no conclusion, {found.note}."
        sure = "carries over" if found.found and found.value > 0 else "is not shown to carry over"
        if found.found and found.value < 0:
            sure = "does harm"
        first = (
            f"English inference on text {sure} to {form}: {found.value:+.1f} points over the "
            f"baseline (95 % {found.low:+.1f} to {found.high:+.1f})"
        )
        return f"{first}; against other intermediate tasks {verdict(self._versus())}."

    def caveats(self) -> Iterator[str]:
        """What the reader must know."""
        name = self.target.name
        yield from self.gains.caveats()
        if IMAGE not in self.target.modalities:
            yield (
                f"{name} was measured without images: nothing here is about a model that sees. "
                "An image-text form would be a target whose task names image as a modality."
            )
        if not is_nli(self.target):
            yield f"{name} is no inference task: it says whether anything carries over at all."
        if said := unequal(steps_of(self.cells, self.evidence.facts, self.tasks)):
            yield said
        yield f"{name}: intervals are about these languages, not about others."

    def tables(self) -> Iterator[StudyTable]:
        """All settings, over languages and in each."""
        name = self.target.name
        notes = (
            "Points of 100; means over seeds, and over languages but English. 95 % bootstrap "
            "interval over examples and, where there are several, seeds. same-data: the setting "
            "holds the target's own training data and counts in no group.",
        )
        rows = [self._row(row) for _, row in self.overall.iterrows()]
        yield StudyTable(f"{name}-settings", f"{name} after every setting", _frame(rows), notes)
        rows = [
            {"language": row["language"], **self._row(row), "q": row["q"]}
            for _, row in self.by_language.iterrows()
        ]
        more = "p (Holm): of inference tasks, corrected for all of these rows."
        title = f"{name} in every language"
        yield StudyTable(f"{name}-languages", title, _frame(rows), (*notes, more, FALSE_SHARE))
        title = f"{name}: right answers after inference tasks, run by run"
        yield StudyTable(f"{name}-answers", title, _in_points(self.answers), ANSWERS)

    def _row(self, row: pd.Series) -> dict[str, object]:
        numbers = ("baseline", "score", "gain", "low", "high")
        return {
            "after": row["intermediate"],
            "group": self._group(row["intermediate"]),
            **{name: 100 * row[name] for name in numbers},
            "p (Holm)": row["p_holm"],
            "n": row["n"],
            "note": row["note"],
        }

    def _group(self, setting: str) -> str:
        if setting in self.group:
            return "inference"
        return "other" if setting in self.tasks else "mixture"

    def figures(self) -> Iterator[Figure]:
        """The mean gain of both groups in each language, with its interval."""
        table = self.by_language
        known = table[table["gain"].notna() & ~_holds_data(table)]
        codes = sorted(set(known["language"]))
        groups = known["intermediate"].map(self._group)
        series = []
        for group in ("inference", "other"):
            mine = known[groups == group]
            here = [mine[mine["language"] == code] for code in codes]
            found = [(float(x), in_points(_mean(rows))) for x, rows in enumerate(here) if len(rows)]
            if found:
                places, estimates = zip(*found, strict=True)
                series.append(marked(f"{group} tasks", estimates, places))
        if series:
            yield Figure(
                f"{self.target.name}-by-language",
                f"{self.target.name}: mean gain by language",
                "language",
                "gain, points of 100",
                tuple(series),
                zero=True,
                ticks=tuple(codes),
            )


def _sides(tested: pd.DataFrame, effect: pd.Series) -> str:
    """How many effects are on either side of zero, by both corrections."""
    (up, down), (more_up, more_down) = (
        [int(((tested[name] < LEVEL) & (effect * sign > 0)).sum()) for sign in (1, -1)]
        for name in ("p_holm", "q")
    )
    return (
        f"{up} are above zero and {down} below after Holm's correction; {more_up} and {more_down} "
        "if 5 % of the findings may be false (Benjamini and Hochberg)."
    )


def _in_points(answers: pd.DataFrame) -> pd.DataFrame:
    table = answers.rename(columns={"p_holm": "p (Holm)"})
    scores = ["difference", "low", "high", "detectable"]
    return table.assign(**{name: 100 * table[name] for name in scores})


def _mean(rows: pd.DataFrame) -> Estimate:
    """The mean of several tasks over tasks; one task's own gain over examples and seeds."""
    if len(rows) > 1:
        return mean(rows["gain"])
    row = rows.iloc[0]
    return Estimate(float(row["gain"]), float(row["low"]), float(row["high"]), n=1)


def _holds_data(table: pd.DataFrame) -> pd.Series:
    """Whether a row's setting holds the target's own training data."""
    return table["note"].str.contains(SAME_DATA, regex=False).astype(bool)


def _of_row(row: pd.Series) -> Estimate:
    """A row of the gain table as an estimate, with Holm's p, in points."""
    note = row["note"] or ("" if row["gain"] == row["gain"] else "no score yet")
    value, low, high, p = (float(row[name]) for name in ("gain", "low", "high", "p_holm"))
    found = Estimate(value, low, high, p, int(row["n"]), note)
    return in_points(found)


def _frame(rows: Sequence[dict[str, object]]) -> pd.DataFrame:
    return pd.DataFrame(rows)


STUDY = Study("multimodal", QUESTION, needs, answer)
