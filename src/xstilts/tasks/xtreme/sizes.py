"""How many examples XTREME's sets have, for estimates before any data are there.

XTREME's Table 1 as reprinted in later papers, the counts of TyDiQA-GoldP v1.1 and, by language,
the hub's card of google/xtreme. Its UDPOS counts more sentences in some languages than XTREME's
own preparation leaves.
"""

from __future__ import annotations

Sizes = dict[tuple[str, str], int]


def _table(split: str, text: str) -> Sizes:
    """Sizes from words like `en:20`; a language without a number has the one before it."""
    found: Sizes = {}
    size = 0
    for word in text.split():
        code, _, number = word.partition(":")
        size = int(number or size)
        found[split, code] = size
    return found


def _panx(split: str) -> Sizes:
    """WikiAnn's dev and test sets are of equal size."""
    return _table(
        split,
        "ar:10000 bg de el en es et eu fa fi fr he hu id it ja ka ko nl pt ru th tr vi zh "
        "af:1000 bn hi kk ml mr ms sw ta te tl ur jv:100 my yo",
    )


SQUAD_TRAIN = {("train", "en"): 87_599}

XNLI = {
    ("train", "en"): 392_702,
    **_table("dev", "en:2490 ar bg de el es fr hi ru sw th tr ur vi zh"),
    **_table("test", "en:5010 ar bg de el es fr hi ru sw th tr ur vi zh"),
}
PAWS_X = {
    ("train", "en"): 49_401,
    **_table("dev", "en:2000 de es fr ja ko zh"),
    **_table("test", "en:2000 de es fr ja ko zh"),
}
PAN_X = {("train", "en"): 20_000, **_panx("dev"), **_panx("test")}
UDPOS = {
    ("train", "en"): 21_253,
    ("dev", "en"): 3_974,
    **_table(
        "test",
        "af:425 ar:1680 bg:1116 de:22458 el:2809 en:5440 es:3147 et:3760 eu:1799 fa:600 fi:4422 "
        "fr:9465 he:491 hi:2684 hu:449 id:1557 it:3518 ja:2372 kk:1047 ko:4276 mr:47 nl:1471 "
        "pt:2681 ru:11336 ta:120 te:146 th:1000 tl:55 tr:4785 ur:535 vi:800 yo:100 zh:5528",
    ),
}
XQUAD = {
    **SQUAD_TRAIN,
    ("dev", "en"): 10_570,
    **_table("test", "en:1190 ar de el es hi ru th tr vi zh"),
}
MLQA = {
    **SQUAD_TRAIN,
    **_table("dev", "en:1148 ar:517 de:512 es:500 hi:507 vi:511 zh:504"),
    **_table("test", "en:11590 ar:5335 de:4517 es:5253 hi:4918 vi:5495 zh:5137"),
}
TYDIQA = {
    ("train", "en"): 3_696,
    ("dev", "en"): 440,
    **_table("test", "en:440 ar:921 bn:113 fi:782 id:565 ko:276 ru:812 sw:499 te:669"),
}
