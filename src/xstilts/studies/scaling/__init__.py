"""`scaling`: more tasks, or more data of one task?

Both are trained at the same budgets, k units of examples for k = 1, 2, 4 … up to the number of
tasks, and so with the same number of optimizer steps. `design` says which runs that needs,
`scores` reads them, `judged` compares them, and `told` puts it in words.
"""

from __future__ import annotations

from xstilts.config.load import LoadedExperiment
from xstilts.studies.base import Study, StudyRequirements
from xstilts.studies.scaling.design import designed
from xstilts.studies.scaling.text import NAME, QUESTION, answer


def needs(loaded: LoadedExperiment) -> StudyRequirements:
    """The variants that hold the mixtures and the larger amounts of single tasks."""
    return StudyRequirements(designed(loaded).variants(loaded))


STUDY = Study(NAME, QUESTION, needs, answer)
