"""MasakhaPOS: parts of speech in twenty African languages.

English is the treebank EWT of Universal Dependencies, one of the transfer sources that the
repository has (transfer_corpus/en_ewt).
"""

from __future__ import annotations

from xstilts.languages import language as language_info
from xstilts.tasks.builders import names, task
from xstilts.tasks.io.conll import read_tagged
from xstilts.tasks.io.sources import Local

TAGS = names("ADJ ADP ADV AUX CCONJ DET INTJ NOUN NUM PART PRON PROPN PUNCT SCONJ SYM VERB X")
"""As in `udpos`, so that either can train the other."""
SIZES = {  # language → train, dev, test
    "en": (12_544, 2_001, 2_077),
    "bbj": (750, 149, 599),
    "bm": (775, 154, 619),
    "ee": (728, 145, 582),
    "fon": (810, 161, 646),
    "ha": (753, 150, 601),
    "ig": (803, 160, 642),
    "lg": (733, 146, 586),
    "luo": (758, 151, 606),
    "mos": (757, 151, 604),
    "ny": (728, 145, 582),
    "pcm": (752, 150, 600),
    "rw": (757, 151, 604),
    "sn": (747, 149, 596),
    "sw": (693, 138, 553),
    "tn": (754, 150, 602),
    "tw": (785, 157, 628),
    "wo": (782, 156, 625),
    "xh": (752, 150, 601),
    "yo": (893, 178, 713),
    "zu": (753, 150, 601),
}


def _local(split: str, language: str) -> tuple[Local, ...]:
    """A clone of the repository."""
    code = language_info(language).iso3
    folder = "transfer_corpus/en_ewt" if language == "en" else f"data/{code}"
    return (Local((f"masakhane-pos/{folder}/{split}.txt",), read_tagged((2,), " ")),)


MASAKHAPOS = task(
    name="masakhapos",
    format="tagging",
    sizes={
        split: {code: sizes[number] for code, sizes in SIZES.items()}
        for number, split in enumerate(("train", "dev", "test"))
    },
    local=_local,
    labels=TAGS,
    metrics=("tag_accuracy", "pos_f1"),
    subwords=45,
    summary="parts of speech in twenty African languages",
    licence="CC-BY-NC-4.0; English as UD English-EWT",
    citation="Dione et al. 2023, aclanthology.org/2023.acl-long.609",
)
