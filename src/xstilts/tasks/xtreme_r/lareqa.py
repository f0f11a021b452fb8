"""LAReQA: the sentences that answer a question, searched in one pool of all languages.

`read("test", "de")` returns the German questions and `read("test", "candidates:de")` the German
sentences. The Hub's copies of XQuAD-R have no sentence breaks, so the files of
github.com/google-research-datasets/lareqa are needed, in the form that XTREME's download script
leaves them in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from operator import attrgetter
from typing import Any

from xstilts.formats.answer_retrieval import CANDIDATES
from xstilts.formats.io.squad_sentences import sentence_candidates, sentence_questions
from xstilts.tasks.base import TaskSpec
from xstilts.tasks.builders import names, task
from xstilts.tasks.io.sources import Local

POOL = f"{CANDIDATES}:"
"""Prefix of the candidates of a language."""
CITATION = "Roy et al. 2020, arXiv 2004.05484"
SOURCE = "github.com/google-research-datasets/lareqa"
XQUAD_R = dict(
    zip(
        names("en ar de el es hi ru th tr vi zh"),
        (1_180, 1_222, 1_276, 1_234, 1_215, 1_244, 1_219, 852, 1_167, 1_209, 1_196),
        strict=True,
    )
)
"""Language → candidates; every language has 1,190 questions."""
MLQA_R = {
    "en": (1_148, 6_264),
    "ar": (517, 2_545),
    "de": (512, 2_362),
    "es": (500, 1_787),
    "hi": (507, 2_426),
    "vi": (511, 2_828),
    "zh": (504, 2_322),
}
"""Language → questions and candidates."""


def _local(folders: Sequence[str], _split: str, code: str) -> Sequence[Local]:
    language = code.removeprefix(POOL)
    parse = partial(sentence_candidates, language) if code != language else sentence_questions
    return tuple(Local((f"lareqa/{folder}/{language}.json",), parse) for folder in folders)


def _lareqa(
    sizes: Mapping[str, tuple[int, int]], folders: Sequence[str], **fields: Any
) -> TaskSpec:
    """A task of LAReQA.

    Args:
        sizes: language → questions and candidates.
        folders: names that its folder may have.
    """
    return task(
        format="answer_retrieval",
        sizes={"test": {language: questions for language, (questions, _) in sizes.items()}},
        pool_sizes={("test", f"{POOL}{code}"): count for code, (_, count) in sizes.items()},
        pool_parts=tuple(f"{POOL}{language}" for language in sizes),
        local=partial(_local, folders),
        source=SOURCE,
        metrics=("map_at_20",),
        subwords=150,
        train_task="squad-retrieval",
        alignment_key=attrgetter("group"),
        citation=CITATION,
        **fields,
    )


LAREQA_XQUAD_R = _lareqa(
    {language: (1_190, count) for language, count in XQUAD_R.items()},
    ("xquad-r",),
    name="lareqa-xquad-r",
    translates=(
        *(("squad-v1", "dev"), ("squad-v2", "dev"), ("squad-retrieval", "dev")),
        *(("xquad", "dev"), ("xquad", "test")),
    ),
    summary="find XQuAD's answers among the sentences of all its languages",
    licence="CC-BY-SA-4.0",
)
LAREQA_MLQA_R = _lareqa(
    MLQA_R,
    ("mlqa-dev-r", "mlqa-r"),
    name="lareqa-mlqa-r",
    translates=(("mlqa", "dev"),),
    summary="find MLQA's answers (dev) among the sentences of all its languages",
    licence="CC-BY-NC-4.0",
)
