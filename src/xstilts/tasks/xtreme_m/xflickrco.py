"""xFlickr&CO: find the image of a caption, and the caption of an image. Trained on Flickr30K.

The test set of a language is 2,000 images with a caption each: 1,000 of Flickr30K's test set and
1,000 of COCO's. All of a language are one pool. In the Japanese captions of Flickr30K, numbers of
phrases are part of the text.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from xstilts.core.errors import DataError
from xstilts.formats.base import BadRow, Example
from xstilts.formats.image_text.retrieval import CaptionExample
from xstilts.formats.io.readers import json_rows
from xstilts.tasks.builders import names, same_size
from xstilts.tasks.io.sources import Local
from xstilts.tasks.xtreme_m.image_task import FLICKR30K, IGLUE, image_task

LANGUAGES = names("en de es id ja ru tr zh")
METRICS = ("image_text_recall_at_1", "text_to_image_recall_at_1", "image_to_text_recall_at_1")
NO_CAPTION = "image without a caption"
FILES = {"train": "train_ann", "dev": "valid_ann", "test": "test_ann"}


def captions(path: Path, start: str) -> Iterator[Example | BadRow]:
    """One example per caption of a file of images: `id`, `sentences`, and `img_path`."""
    for row in json_rows(path, start):
        if isinstance(row, BadRow):
            yield row
            continue
        try:
            image, name, texts = row.text("img_path"), row.key("id"), row.texts("sentences")
        except DataError as error:
            yield BadRow(row.id, error.what, where=row.where)
            continue
        if not texts:  # counted: without it, the others are found among fewer images
            yield BadRow(row.id, NO_CAPTION, image, row.where)
        for number, text in enumerate(texts):
            own = name if len(texts) == 1 else f"{name}-{number}"
            yield CaptionExample(own, text, (image,), row.where)


FLICKR30K_CAPTIONS = image_task(
    FLICKR30K,
    name="flickr30k",
    format="image_retrieval",
    sizes={"train": {"en": None}, "dev": {"en": 5_070}, "test": {"en": 5_000}},
    local=lambda split, _language: (
        Local((f"flickr30k/annotations/{FILES[split]}.jsonl",), captions),
        Local((f"flickr30k/{FILES[split]}.jsonl",), captions),
    ),
    metrics=METRICS,
    subwords=16,
    source="github.com/e-bug/iglue",
    summary="which image does the caption describe, and which caption describes the image?",
    licence="",
    citation="Young et al. 2014, aclanthology.org/Q14-1006",
)

XFLICKRCO = image_task(
    ("xFlickrCO/images", "xflickrco/images", "xFlickrCO/images.zip"),
    name="xflickrco",
    format="image_retrieval",
    sizes={"test": same_size(LANGUAGES, 2_000)},
    local=lambda _split, language: tuple(
        Local((f"{folder}/{language}/test.jsonl",), captions)
        for folder in ("xFlickrCO/annotations", "xFlickrCO", "xflickrco")
    ),
    metrics=METRICS,
    subwords=18,
    source="github.com/e-bug/iglue",
    train_task="flickr30k",
    summary="which image does the caption describe? xFlickr&CO",
    licence="CC-BY-SA-4.0, by the Hub's copy",
    citation=IGLUE,
)
