"""`reasoning`: do English reasoning tasks help reasoning targets more than other tasks do?

Tasks are the points: a group of intermediate tasks is compared with all other single tasks by
`statistics.groups`, over all targets, over reasoning targets, over a target without much language
in its answers, and as an interaction of group and kind of target. `kinds` says which ask for
reasoning, `equal` gives all of them one budget, `points` reads the gains, `judged` compares them,
and `told` and `tabled` show it.
"""

from __future__ import annotations

from xstilts.config.load import LoadedExperiment
from xstilts.studies.base import OWN, Answer, Evidence, Study, StudyRequirements
from xstilts.studies.reasoning.analysis import contrasts, mean_gain, overall_contrast
from xstilts.studies.reasoning.data import read_data
from xstilts.studies.reasoning.equal_budget import EQUAL, equalised
from xstilts.studies.reasoning.tables import contrasts_table, figures, targets_table, tasks_table
from xstilts.studies.reasoning.text import as_written, caveats, findings, summary

NAME = "reasoning"
QUESTION = (
    "Does intermediate training on English reasoning tasks help zero-shot reasoning in other "
    "languages, also where it is not about language, more than other intermediate tasks do?"
)


def needs(loaded: LoadedExperiment) -> StudyRequirements:
    """The experiment with training sets of one size, if theirs differ and there are two groups."""
    changed = equalised(loaded)
    return StudyRequirements({EQUAL: changed} if changed else {})


def answer(evidence: Evidence) -> Answer:
    """The contrasts of the variant if there is one, and beside them those as written."""
    varied = EQUAL in evidence.results
    points = read_data(evidence, EQUAL if varied else OWN)
    asked = contrasts(points)
    found = [*findings(asked, mean_gain(points))]
    if varied:
        found.append(as_written(overall_contrast(read_data(evidence, OWN))))
    return Answer(
        NAME,
        QUESTION,
        summary(asked),
        tuple(found),
        (contrasts_table(found, asked), targets_table(points), tasks_table(points)),
        tuple(figures(points)),
        tuple(caveats(points)),
    )


STUDY = Study(NAME, QUESTION, needs, answer)
