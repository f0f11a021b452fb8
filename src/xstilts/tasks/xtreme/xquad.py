"""XQuAD: SQuAD questions translated into eleven languages; trained on SQuAD v1.1.

XTREME evaluates ten of them and English; XTREME-R adds Romanian.
"""

from __future__ import annotations

from collections.abc import Sequence

from xstilts.formats.io.squad import hub_questions, questions
from xstilts.tasks.benchmarks import XTREME_R
from xstilts.tasks.builders import same_size, task
from xstilts.tasks.english.squad import squad_files, squad_hub
from xstilts.tasks.io.sources import Hub, Local
from xstilts.tasks.xtreme.dataset import CITATION, QA_METRICS, SOURCE, one_file

LANGUAGES = XTREME_R.languages["xquad"]


def _local(split: str, language: str) -> Sequence[Local]:
    if split != "test":
        return squad_files("1.1", split)
    return one_file(f"xquad/xquad.{language}.json", questions)


def _hub(split: str, language: str) -> Hub:
    if split != "test":
        return squad_hub("1.1", split)
    return Hub(
        "google/xquad",
        "51adfef1c1287aab1d2d91b5bead9bcfb9c68583",
        (f"xquad.{language}/validation-00000-of-00001.parquet",),
        hub_questions(),
    )


XQUAD = task(
    name="xquad",
    version=2,
    format="span",
    sizes={
        "train": {"en": 87_599},
        "dev": {"en": 10_570},
        "test": same_size(LANGUAGES, 1_190),
    },
    local=_local,
    hub=_hub,
    dataset="google/xquad",
    source=SOURCE,
    metrics=QA_METRICS,
    subwords=200,
    train_task="squad-v1",
    translates=(
        *(("squad-v1", "dev"), ("squad-v2", "dev"), ("squad-retrieval", "dev")),
        ("xquad", "dev"),
    ),
    summary="SQuAD's questions translated by people; trained on SQuAD v1.1",
    licence="CC-BY-SA-4.0",
    citation=CITATION,
)
