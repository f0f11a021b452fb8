"""SQuAD v1.1 and v2.0: questions answered by a stretch of a Wikipedia paragraph."""

from __future__ import annotations

from functools import partial

from xstilts.formats.io.squad import hub_questions, questions
from xstilts.formats.span import UNANSWERABLE
from xstilts.tasks.builders import HUB_SPLITS, english_task
from xstilts.tasks.io.sources import Hub, Local

DATASETS = {
    "1.1": ("rajpurkar/squad", "7b6d24c440a36b6815f21b70d25016731768db1f", "plain_text"),
    "2.0": ("rajpurkar/squad_v2", "3ffb306f725f7d2ce8394bc1873b24868140c412", "squad_v2"),
}
LICENCE = "CC-BY-SA-4.0"


def squad_files(version: str, split: str) -> tuple[Local, ...]:
    """The official file; for dev preferably the copy without the articles that XQuAD uses."""
    names = [f"squad/{split}-v{version}.json"]
    if split == "dev":  # first: what XQuAD has in translation should not choose its checkpoints
        names.insert(0, f"squad/dev-v{version}.minus-xquad.json")
    return tuple(Local((name,), questions) for name in names)


def squad_hub(version: str, split: str) -> Hub:
    """The hub's file of a version and split."""
    dataset, revision, folder = DATASETS[version]
    name = f"{folder}/{HUB_SPLITS[split]}-00000-of-00001.parquet"
    return Hub(dataset, revision, (name,), hub_questions())


SQUAD_V1 = english_task(
    name="squad-v1",
    format="span",
    sizes={"train": 87_599, "dev": 10_570},
    local=partial(squad_files, "1.1"),
    hub=partial(squad_hub, "1.1"),
    metrics=("qa_mean", "exact_match", "token_f1"),
    dataset="rajpurkar/squad",
    subwords=180,
    summary="which words of the paragraph answer the question?",
    licence=LICENCE,
    citation="Rajpurkar et al. 2016, arXiv 1606.05250",
)
SQUAD_V2 = english_task(
    name="squad-v2",
    format="span",
    sizes={"train": 130_319, "dev": 11_873},
    local=partial(squad_files, "2.0"),
    hub=partial(squad_hub, "2.0"),
    labels=(UNANSWERABLE,),
    metrics=("qa_mean_v2", "exact_match_v2", "token_f1_v2"),
    dataset="rajpurkar/squad_v2",
    subwords=180,
    includes_data_of=("squad-v1",),
    summary="SQuAD with questions that the paragraph does not answer",
    licence=LICENCE,
    citation="Rajpurkar et al. 2018, arXiv 1806.03822",
)
