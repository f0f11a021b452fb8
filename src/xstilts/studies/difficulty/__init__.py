"""`difficulty`: does an intermediate task's difficulty predict what it does for retrieval?

Retrieval targets are searched with the encoder's own vectors, so that their gain is the
intermediate task's alone. The points are tasks; their gains are means over languages and seeds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pandas as pd

from xstilts.analysis.gains import Gains
from xstilts.analysis.layer_sweeps import task_of
from xstilts.config.load import LoadedExperiment
from xstilts.statistics.permutation import DRAWS
from xstilts.studies.base import OWN, Answer, Evidence, Study, StudyRequirements
from xstilts.studies.difficulty.analysis import ALIKE, COVARIATES, MEASURES, associations, data_of
from xstilts.studies.difficulty.tables import (
    association_tables,
    figures,
    influence_table,
    measured_table,
    power_table,
)
from xstilts.studies.difficulty.text import caveats, findings, summary
from xstilts.studies.study_plan import gains_in
from xstilts.studies.task_table import all_measures, dev_metrics, has_scores, searched_targets
from xstilts.studies.text import NO_SCORES

NAME = "difficulty"
QUESTION = (
    "Does the difficulty of an intermediate task predict what it does for cross-lingual retrieval?"
)


def needs(_: LoadedExperiment) -> StudyRequirements:
    """The experiment as it is, and the measures of its intermediate tasks."""
    return StudyRequirements(measures=(*(name for name in MEASURES if name != ALIKE), *COVARIATES))


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
    points = data_of(gains, measures, retrieval, metrics)
    rows = associations(points.asked, points, draws)
    others = associations(points.others, points, draws)
    return Answer(
        NAME,
        QUESTION,
        summary(rows, retrieval),
        tuple(findings(rows, points)),
        (
            *association_tables("retrieval", "retrieval targets", rows),
            *association_tables("trained", "trained targets (a secondary question)", others),
            measured_table(points),
            influence_table(points),
            power_table(),
        ),
        tuple(figures(points)),
        (*caveats(points), *gains.caveats()),
    )


STUDY = Study(NAME, QUESTION, needs, answer)
