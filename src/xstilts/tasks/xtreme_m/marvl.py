"""MaRVL: is the sentence true of two images? Trained on NLVR2 (Suhr et al. 2019).

Images are chosen, and sentences written, in each language: the languages have no examples in
common. Chinese is in traditional characters. IGLUE's English test set is that of `nlvr2`.
"""

from __future__ import annotations

from functools import partial

from xstilts.formats.image_text.classification import ImageTextExample
from xstilts.formats.io.readers import FileRow, json_rows, parse_rows
from xstilts.tasks.io.sources import Local
from xstilts.tasks.without_image import without_image
from xstilts.tasks.xtreme_m.image_task import IGLUE, image_task

LABELS = ("false", "true")
OFFICIAL = {"train": "train", "dev": "dev", "test": "test1"}
"""Split → its name in NLVR2's release, whose files have one JSON object a line."""


def _truth(row: FileRow) -> str:
    """`true` or `false`; files have them as truth values, or as words in any case."""
    value = row.get("label")
    return str(value).lower() if isinstance(value, bool) else row.text("label").strip().lower()


def _nlvr2_example(row: FileRow) -> ImageTextExample:
    """A sentence; its identifier ends in a number of the sentence, and names both images."""
    name = row.text("identifier")
    pair = name.rpartition("-")[0]
    images = tuple(f"{pair}-img{number}" for number in range(2))
    return ImageTextExample(name, row.text("sentence"), images, _truth(row), row.where)


def _nlvr2_files(split: str) -> tuple[Local, ...]:
    parse = parse_rows(json_rows, _nlvr2_example)
    names = (
        f"annotations/{split}.jsonl",
        f"data/{OFFICIAL[split]}.json",
        f"{OFFICIAL[split]}.json",
    )
    return tuple(Local((f"nlvr2/{name}",), parse) for name in names)


def _marvl_example(language: str, row: FileRow) -> ImageTextExample:
    """A caption; names of images are those of a language, in a folder per language."""
    images = tuple(f"{language}/all/{row.key(column)}" for column in ("left_img", "right_img"))
    return ImageTextExample(row.text("id"), row.text("caption"), images, _truth(row), row.where)


def _marvl_files(_split: str, language: str) -> tuple[Local, ...]:
    parse = parse_rows(json_rows, partial(_marvl_example, language))
    folders = ("marvl/zero_shot/annotations", "marvl/annotations", "marvl")
    return tuple(Local((f"{folder}/marvl-{language}.jsonl",), parse) for folder in folders)


NLVR2 = image_task(
    ("nlvr2/images", "nlvr2/images.zip"),
    name="nlvr2",
    format="image_statement",
    sizes={"train": {"en": None}, "dev": {"en": 6_982}, "test": {"en": 6_967}},
    local=lambda split, _language: _nlvr2_files(split),
    labels=LABELS,
    subwords=20,
    source="github.com/lil-lab/nlvr, or nlvr2 of github.com/e-bug/iglue",
    summary="is the sentence true of the two images?",
    licence="",
    citation="Suhr et al. 2019, arXiv 1811.00491",
)

MARVL = image_task(
    ("marvl/images", "marvl/images.zip"),
    name="marvl",
    format="image_statement",
    sizes={"test": {"id": 1_128, "sw": 1_108, "ta": 1_242, "tr": 1_180, "zh": 1_012}},
    local=_marvl_files,
    labels=LABELS,
    subwords=25,
    source="github.com/e-bug/iglue",
    train_task="nlvr2",
    summary="is the sentence true of the two images? MaRVL",
    licence="",
    citation=f"Liu et al. 2021, arXiv 2109.13238; {IGLUE}",
)
MARVL_WITHOUT_IMAGE = without_image(MARVL)
NLVR2_WITHOUT_IMAGE = without_image(NLVR2)
