"""UDPOS: part-of-speech tagging, 33 languages of XTREME and five more of XTREME-R.

XTREME's are of Universal Dependencies 2.5, the five that XTREME-R adds of 2.7.
"""

from __future__ import annotations

from xstilts.languages import language as language_info
from xstilts.tasks.builders import names, same_size, task
from xstilts.tasks.io.conll import read_tagged
from xstilts.tasks.io.sources import Hub
from xstilts.tasks.xtreme.dataset import (
    CITATION,
    DATASET,
    SOURCE,
    added_hub,
    one_file,
    tagging_hub,
)

TEST_SIZES = {
    "en": 5_440,
    "af": 425,
    "ar": 1_680,
    "bg": 1_116,
    "de": 22_458,
    "el": 2_809,
    "es": 3_147,
    "et": 3_760,
    "eu": 1_799,
    "fa": 600,
    "fi": 4_422,
    "fr": 9_465,
    "he": 491,
    "hi": 2_684,
    "hu": 449,
    "id": 1_557,
    "it": 3_518,
    "ja": 2_372,
    "kk": 1_047,
    "ko": 4_276,
    "mr": 47,
    "nl": 1_471,
    "pt": 2_681,
    "ru": 11_336,
    "ta": 120,
    "te": 146,
    "th": 1_000,
    "tl": 55,
    "tr": 4_785,
    "ur": 535,
    "vi": 800,
    "yo": 100,
    "zh": 5_528,
}
ADDED = names("lt pl ro uk wo")
"""Languages of XTREME-R; their numbers of sentences are not published."""
ADDED_DATASET = "izhx/xtreme-r-udpos"
LANGUAGES = (*TEST_SIZES, *ADDED)
WITHOUT_DEV = ("kk", "th", "tl", "yo")
TAGS = names("ADJ ADP ADV AUX CCONJ DET INTJ NOUN NUM PART PRON PROPN PUNCT SCONJ SYM VERB X")

_xtreme_hub = tagging_hub(lambda code: f"udpos.{language_info(code).name}", "pos_tags", TAGS)


def _hub(split: str, language: str) -> Hub:
    """google/xtreme, which has XTREME's languages only."""
    if language in ADDED:
        return added_hub(ADDED_DATASET, split, language, "pos_tags", TAGS)
    return _xtreme_hub(split, language)


UDPOS = task(
    name="udpos",
    version=2,
    format="tagging",
    sizes={
        "train": {"en": 21_253},
        "dev": {
            code: 3_974 if code == "en" else None for code in LANGUAGES if code not in WITHOUT_DEV
        },
        "test": {**TEST_SIZES, **same_size(ADDED, None)},
    },
    local=lambda split, language: one_file(f"udpos/{split}-{language}.tsv", read_tagged((1, 2))),
    hub=_hub,
    dataset=DATASET,
    source=SOURCE,
    labels=TAGS,
    metrics=("pos_f1", "pos_f1_seqeval_0", "tag_accuracy"),
    subwords=30,
    summary="parts of speech, Universal Dependencies 2.5 (2.7 for lt pl ro uk wo)",
    licence="by treebank",
    citation=CITATION,
)
