"""`emoji-retrieval`: find the picture of a name, and the name of a picture."""

from __future__ import annotations

from collections.abc import Iterator

from xstilts.formats.image_text.retrieval import CaptionExample
from xstilts.tasks.base import TaskSpec
from xstilts.tasks.emoji.names import (
    LICENCE,
    SOURCE,
    SPLITS,
    code_of,
    emoji_of,
    fingerprint,
    name_of,
)
from xstilts.tasks.emoji.pictures import OPENMOJI, EmojiPictures, picture_id
from xstilts.tasks.io.images import with_images

COUNTS = {"train": 965, "dev": 96, "test": 240}


def read(split: str, language: str) -> Iterator[CaptionExample]:
    """Yield every emoji of a split with its name; they are the same in all languages."""
    for emoji in emoji_of(split):
        images = (picture_id(OPENMOJI, emoji),)
        yield CaptionExample(f"{split}-{code_of(emoji)}", name_of(emoji, language), images)


EMOJI_RETRIEVAL = with_images(
    TaskSpec(
        name="emoji-retrieval",
        version=1,
        format="image_retrieval",
        splits=SPLITS,
        labels=(),
        metrics=(
            "image_text_recall_at_1",
            "text_to_image_recall_at_1",
            "image_to_text_recall_at_1",
        ),
        read=read,
        fingerprint=fingerprint,
        summary="which of the pictures is called this, and what is this picture called?",
        source=SOURCE,
        licence=LICENCE,
        citation="OpenMoji, https://openmoji.org; Unicode CLDR, https://cldr.unicode.org",
        sizes={(split, code): COUNTS[split] for split in SPLITS for code in SPLITS[split]},
        subwords=6,
        modalities=("image", "text"),
    ),
    lambda _folder, _revisions, _split: EmojiPictures(OPENMOJI),
)
