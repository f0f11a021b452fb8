"""MasakhaNER 2.0: names of people, organisations and places in twenty African languages.

The zero-shot setting of its repository (MasakhaNER2.0/transfer_corpus) is read: English is
CoNLL-2003 without MISC, and dates are not annotated in any language. The train sets of the African
languages are there as well. The folder `data` of the repository has the same sentences with dates.
"""

from __future__ import annotations

from xstilts.languages import language as language_info
from xstilts.tasks.builders import task
from xstilts.tasks.io.conll import read_tagged
from xstilts.tasks.io.sources import Local

TAGS = ("B-LOC", "B-ORG", "B-PER", "I-LOC", "I-ORG", "I-PER", "O")
"""As in `pan-x`, so that either can train the other."""
SIZES = {  # language → train, dev, test
    "en": (14_041, 3_250, 3_453),
    "bbj": (3_384, 483, 966),
    "bm": (4_462, 638, 1_274),
    "ee": (3_505, 501, 1_001),
    "fon": (4_343, 621, 1_240),
    "ha": (5_716, 816, 1_633),
    "ig": (7_634, 1_090, 2_181),
    "lg": (4_942, 706, 1_412),
    "luo": (5_161, 737, 1_474),
    "mos": (4_532, 648, 1_294),
    "ny": (6_250, 893, 1_785),
    "pcm": (5_646, 806, 1_613),
    "rw": (7_825, 1_118, 2_235),
    "sn": (6_207, 887, 1_773),
    "sw": (6_593, 942, 1_883),
    "tn": (3_489, 499, 996),
    "tw": (4_240, 605, 1_211),
    "wo": (4_593, 656, 1_312),
    "xh": (5_718, 817, 1_633),
    "yo": (6_877, 983, 1_964),
    "zu": (5_848, 836, 1_670),
}
FOLDERS = ("masakhane-ner/MasakhaNER2.0", "MasakhaNER2.0")


def _local(split: str, language: str) -> tuple[Local, ...]:
    """A clone of the repository, or its folder alone."""
    code = language if language == "en" else language_info(language).iso3
    parse = read_tagged((2,), " ")
    return tuple(
        Local((f"{folder}/transfer_corpus/{code}/{split}.txt",), parse) for folder in FOLDERS
    )


MASAKHANER = task(
    name="masakhaner",
    format="tagging",
    sizes={
        split: {code: sizes[number] for code, sizes in SIZES.items()}
        for number, split in enumerate(("train", "dev", "test"))
    },
    local=_local,
    labels=TAGS,
    metrics=("span_f1",),
    subwords=45,
    summary="names of places, organisations and people in twenty African languages",
    licence="CC-BY-NC-4.0; English as CoNLL-2003",
    citation="Adelani et al. 2022, aclanthology.org/2022.emnlp-main.298",
)
