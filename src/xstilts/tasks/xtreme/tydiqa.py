"""TyDiQA-GoldP: questions by native speakers in nine languages; trained on its English part."""

from __future__ import annotations

from xstilts.formats.io.squad import hub_questions, questions
from xstilts.languages import language as language_info
from xstilts.tasks.builders import task
from xstilts.tasks.io.sources import Hub, Local
from xstilts.tasks.xtreme.dataset import CITATION, QA_METRICS, SOURCE, one_file

TEST_SIZES = {
    "en": 440,
    "ar": 921,
    "bn": 113,
    "fi": 782,
    "id": 565,
    "ko": 276,
    "ru": 812,
    "sw": 499,
    "te": 669,
}
LANGUAGES = tuple(TEST_SIZES)


def _local(split: str, language: str) -> tuple[Local]:
    if split == "train":
        return one_file("tydiqa/tydiqa-goldp-v1.1-train/tydiqa.goldp.en.train.json", questions)
    name = f"tydiqa/tydiqa-goldp-v1.1-dev/tydiqa.goldp.{language}.dev.json"
    return one_file(name, questions)


def _hub(split: str, language: str) -> Hub:
    """All languages are in one file; ids start with the name of the language."""
    part = "train" if split == "train" else "validation"
    return Hub(
        "google-research-datasets/tydiqa",
        "da78f23f9119363459acbaf46bf89426ff26c259",
        (f"secondary_task/{part}-00000-of-00001.parquet",),
        hub_questions(language_info(language).name.lower()),
    )


TYDIQA = task(
    name="tydiqa",
    version=2,
    format="span",
    sizes={"train": {"en": 3_696}, "dev": {"en": 440}, "test": TEST_SIZES},
    local=_local,
    hub=_hub,
    dataset="google-research-datasets/tydiqa",
    source=SOURCE,
    metrics=QA_METRICS,
    subwords=180,
    unlabelled=("dev",),
    summary="questions asked by speakers of the language; trained on its English part",
    licence="Apache-2.0",
    citation=CITATION,
)
