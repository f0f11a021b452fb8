"""`similarity`: does semantic similarity between intermediate and target task predict accuracy?

For each target the intermediate tasks are the points: their similarity to it against the gain
that they bring. A measure is worth something if choosing the task by it loses little. `points`
reads the numbers, `judged` says what each measure is worth, `told` and `tabled` show it.
"""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from xstilts.analysis.gains import Gains
from xstilts.analysis.layer_sweeps import task_of
from xstilts.config.load import LoadedExperiment
from xstilts.recommend.predict import LOW_COST
from xstilts.recommend.regret import by_other_choices, over_targets
from xstilts.statistics.permutation import DRAWS
from xstilts.studies.base import OWN, Answer, Evidence, Study, StudyRequirements
from xstilts.studies.similarity.analysis import (
    associations,
    choices_of,
    lost_by_choice,
    past_advice,
    summarised,
)
from xstilts.studies.similarity.data import read_data
from xstilts.studies.similarity.measures import MEASURES
from xstilts.studies.similarity.tables import figures, past_table, tables
from xstilts.studies.similarity.text import caveats, choosing, findings, summary
from xstilts.studies.study_plan import gains_in
from xstilts.studies.task_table import all_measures, has_scores
from xstilts.studies.text import NO_SCORES

NAME = "similarity"
QUESTION = (
    "Does the semantic similarity between an intermediate task and a target predict zero-shot "
    "cross-lingual accuracy?"
)


def needs(_: LoadedExperiment) -> StudyRequirements:
    """The experiment as it is, the measures of its pairs of tasks, and those of `recommend`."""
    return StudyRequirements(measures=tuple(dict.fromkeys((*MEASURES, *LOW_COST))))


def answer(evidence: Evidence) -> Answer:
    """From the runs to the answer."""
    gains = gains_in(evidence)
    measures, lost = all_measures(evidence)
    found = conclude(gains, measures)
    if not has_scores(evidence, {task_of(cell.target) for cell in evidence.cells[OWN]}):
        found = replace(found, summary=NO_SCORES)
    return replace(found, caveats=(*found.caveats, *lost))


def conclude(gains: Gains, measures: pd.DataFrame, draws: int = DRAWS) -> Answer:
    """The answer from gains and measures.

    Args:
        measures: see `measured.measures_table`.
        draws: permutations behind each p value.
    """
    points = read_data(gains, measures)
    rows = associations(points, draws)
    choices = choices_of(points)
    summaries = summarised(points, rows, choices, draws)
    lost, past = lost_by_choice(choices), past_advice(points)
    honest = over_targets(by_other_choices(lost).tolist())
    return Answer(
        NAME,
        QUESTION,
        summary(summaries, points, lost, honest),
        (*findings(summaries), *choosing(honest, past)),
        (*tables(points, rows, choices, summaries), past_table(past)),
        tuple(figures(summaries)),
        (*caveats(points, summaries), *gains.caveats()),
    )


STUDY = Study(NAME, QUESTION, needs, answer)
