"""XVNLI: does the image entail, contradict or leave open the sentence? Trained on SNLI-VE.

XVNLI's test sets are in five languages; images are of Flickr30K. `xvnli` (text alone) has the
image's caption as premise instead.

SNLI-VE (Xie et al. 2019) divides SNLI's pairs by image, not by SNLI's splits: 332 of the 357 images
of XVNLI's test set are in its train split, and 11 in its dev split (counted in the lists of images
of github.com/necla-ml/SNLI-VE). Rows with these images are left out, in IGLUE's English files too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

from xstilts.formats.base import BadRow, Example, LeftOutRow
from xstilts.formats.image_text.classification import ImageTextExample
from xstilts.formats.io.readers import FileRow, json_rows, parse_rows
from xstilts.tasks.builders import NLI_LABELS, names, same_size
from xstilts.tasks.english.nli import NO_GOLD, label_of
from xstilts.tasks.io.sources import Local
from xstilts.tasks.without_image import without_image
from xstilts.tasks.xtreme_m.image_task import FLICKR30K, IGLUE, image_task

IMAGE_COLUMNS = ("Flikr30kID", "Flickr30K_ID")
"""How files call the column with the number of the image."""
OF_THE_TEST_SET = "image of XVNLI's test set, left out"
OFFICIAL_FOLDERS = ("snli_ve", "snli-ve")
IGLUE_FOLDERS = ("XVNLI/annotations", "xvnli")


def _example(row: FileRow) -> ImageTextExample | BadRow:
    """A hypothesis and its image; without the caption, and without a gold label a bad row."""
    column = next((name for name in IMAGE_COLUMNS if name in row.cells), IMAGE_COLUMNS[0])
    label = label_of(row.text("gold_label"))
    if label in ("", "-"):
        return BadRow(row.id, NO_GOLD, where=row.where)
    image = row.key(column).removesuffix(".jpg")
    return ImageTextExample(row.text("pairID"), row.text("sentence2"), (image,), label, row.where)


PAIRS = parse_rows(json_rows, _example)


def _without_test_images(test: str, path: Path, start: str) -> Iterator[Example | BadRow]:
    """The rows of a training file whose images are not in XVNLI's test set.

    Args:
        test: path of XVNLI's English test set, from the folder that the file's own is in.
    """
    top = path.parents[1] if path.parent.name in OFFICIAL_FOLDERS else path.parent
    kept_out = set(_images(PAIRS(top / test, start)))
    for example in PAIRS(path, start):
        if isinstance(example, ImageTextExample) and example.images[0] in kept_out:
            yield LeftOutRow(example.id, OF_THE_TEST_SET, example.images[0], example.where)
        else:
            yield example


def _images(examples: Iterable[Example | BadRow]) -> Iterator[str]:
    for example in examples:
        if isinstance(example, ImageTextExample):
            yield example.images[0]


def _training_files(split: str, _language: str) -> tuple[Local, ...]:
    """SNLI-VE's own files, or the English train and dev files of IGLUE."""
    official = [
        Local(
            (f"{folder}/snli_ve_{split}.jsonl",),
            partial(_without_test_images, f"{test}/en/test.jsonl"),
            companions=(f"{test}/en/test.jsonl",),
        )
        for folder in OFFICIAL_FOLDERS
        for test in IGLUE_FOLDERS
    ]
    iglue = [
        Local(
            (f"{folder}/en/{split}.jsonl",),
            partial(_without_test_images, "test.jsonl"),
            companions=(f"{folder}/en/test.jsonl",),
        )
        for folder in IGLUE_FOLDERS
    ]
    return (*iglue, *official)


SNLI_VE = image_task(
    FLICKR30K,
    name="snli-ve",
    format="image_inference",
    sizes={"train": {"en": 529_527}, "dev": {"en": 17_858}},
    local=_training_files,
    labels=NLI_LABELS,
    subwords=10,
    source="github.com/necla-ml/SNLI-VE, or English train and dev files of github.com/e-bug/iglue",
    translates=(("snli", "test"),),
    summary="does the image entail the sentence? without the images of XVNLI's test set",
    licence="",
    citation="Xie et al. 2019, arXiv 1901.06706",
)

XVNLI_IMAGE = image_task(
    FLICKR30K,
    name="xvnli-image",
    format="image_inference",
    sizes={"test": same_size(names("en ar es fr ru"), 1_150)},
    local=lambda _split, language: tuple(
        Local((f"{folder}/{language}/test.jsonl",), PAIRS) for folder in IGLUE_FOLDERS
    ),
    labels=NLI_LABELS,
    subwords=12,
    source="github.com/e-bug/iglue",
    train_task="snli-ve",
    translates=(("snli", "test"),),
    summary="does the image entail the sentence? XVNLI",
    licence="",
    citation=IGLUE,
)
SNLI_VE_WITHOUT_IMAGE = without_image(SNLI_VE)
XVNLI_IMAGE_WITHOUT_IMAGE = without_image(XVNLI_IMAGE)
