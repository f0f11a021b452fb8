"""MLQA: extractive question answering in seven languages; trained on SQuAD v1.1."""

from __future__ import annotations

from collections.abc import Sequence

from xstilts.formats.io.squad import hub_questions, questions
from xstilts.tasks.builders import names, task
from xstilts.tasks.english.squad import squad_files, squad_hub
from xstilts.tasks.io.sources import Hub, Local
from xstilts.tasks.xtreme.dataset import (
    CITATION,
    DATASET,
    FIXED_QA_METRICS,
    SOURCE,
    hub_config,
    one_file,
)

LANGUAGES = names("en ar de es hi vi zh")


def _local(split: str, language: str) -> Sequence[Local]:
    if split == "train":
        return squad_files("1.1", split)
    return one_file(
        f"mlqa/MLQA_V1/{split}/{split}-context-{language}-question-{language}.json", questions
    )


def _hub(split: str, language: str) -> Hub:
    if split == "train":
        return squad_hub("1.1", split)
    return hub_config(f"MLQA.{language}.{language}", split, hub_questions())


MLQA = task(
    name="mlqa",
    version=2,
    format="span",
    sizes={
        "train": {"en": 87_599},
        "dev": {"en": 1_148, "ar": 517, "de": 512, "es": 500, "hi": 507, "vi": 511, "zh": 504},
        "test": {
            "en": 11_590,
            "ar": 5_335,
            "de": 4_517,
            "es": 5_253,
            "hi": 4_918,
            "vi": 5_495,
            "zh": 5_137,
        },
    },
    local=_local,
    hub=_hub,
    dataset=DATASET,
    source=SOURCE,
    metrics=("mlqa_mean", "mlqa_exact_match", "mlqa_f1", *FIXED_QA_METRICS),
    subwords=220,
    train_task="squad-v1",
    summary="questions on Wikipedia in their own language; trained on SQuAD v1.1",
    licence="CC-BY-SA-3.0",
    citation=CITATION,
)
