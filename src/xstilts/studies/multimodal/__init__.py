"""`multimodal`: does English NLI on text carry over to image-text NLI in other languages?

It is about the image-text targets of the experiment, and the answer says in which form each was
measured (`forms`). Gains and intervals are those of `analysis.stats`: paired bootstrap over test
examples and seeds, for these languages. `points` holds what was measured of a target, `judged`
what is found in it, `told` and `tabled` show it.
"""

from __future__ import annotations

from collections.abc import Sequence

from xstilts.analysis.example_scores import ExampleScores, example_scores
from xstilts.config.load import LoadedExperiment
from xstilts.statistics.bootstrap import DRAWS
from xstilts.studies.base import Answer, Evidence, Study, StudyRequirements
from xstilts.studies.multimodal.analysis import judge
from xstilts.studies.multimodal.data import cells_of, read_data
from xstilts.studies.multimodal.modalities import targets_of
from xstilts.studies.multimodal.tables import figures, tables
from xstilts.studies.multimodal.text import NOTHING, caveats, findings, summary

NAME = "multimodal"
QUESTION = (
    "Does English intermediate training on natural language inference carry over to zero-shot "
    "cross-lingual image-text inference?"
)


def needs(_: LoadedExperiment) -> StudyRequirements:
    """Nothing beside the experiment as written."""
    return StudyRequirements()


def answer(evidence: Evidence) -> Answer:
    """The answer for every image-text target that there is."""
    cells = cells_of(evidence, targets_of(evidence.loaded))
    return answered(evidence, example_scores(cells, evidence.store) if cells else [])


def answered(evidence: Evidence, found: Sequence[ExampleScores], draws: int = DRAWS) -> Answer:
    """The answer from every example's statistics; see `analysis.scan.outcomes`."""
    targets = targets_of(evidence.loaded).values()
    every = [read_data(evidence, target, found) for target in targets]
    seen = [(points, judge(points, draws)) for points in every]
    return Answer(
        NAME,
        QUESTION,
        " ".join(summary(*one) for one in seen) or NOTHING,
        tuple(finding for one in seen for finding in findings(*one)),
        tuple(table for one in seen for table in tables(*one)),
        tuple(figure for one in seen for figure in figures(*one)),
        tuple(dict.fromkeys(text for points in every for text in caveats(points))),
    )


STUDY = Study(NAME, QUESTION, needs, answer)
