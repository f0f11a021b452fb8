"""`emoji-nli`: does the picture entail, contradict or leave open that something is in it?

A picture has two tiles: an emoji, and an empty or a covered tile. The text is the name of an emoji
and says that it is in the picture. It is entailed if the emoji is visible, contradicted if it is
not and the other tile is empty, and left open if it is not visible and the other tile is covered.

Within a block of eight emoji every text occurs four times: twice entailed (once next to a covered
tile), once contradicted, once left open. Every picture occurs twice: with a text that it entails,
and with one that it does not. So the text alone, the picture alone, the covered tile alone, and
text and covered tile together answer at most half of the examples correctly, which is the share of
the most frequent label; only comparing text and picture answers more.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from functools import partial

from xstilts.core.hashing import seed_of
from xstilts.formats.image_text.classification import ImageTextExample
from xstilts.tasks.base import TaskSpec
from xstilts.tasks.builders import NLI_LABELS
from xstilts.tasks.emoji.names import (
    LICENCE,
    SOURCE,
    SPLITS,
    blocks,
    fingerprint,
    name_of,
)
from xstilts.tasks.emoji.pictures import COVERED, EMPTY, NOTO, OPENMOJI, EmojiPictures, picture_id
from xstilts.tasks.io.images import with_images
from xstilts.tasks.without_image import without_image

CONTRADICTION, ENTAILMENT, NEUTRAL = NLI_LABELS
BLOCK = 8
"""Emoji per block; each has four examples."""
ABSENT, HIDDEN = 3, 5
"""How far away in its block is the emoji named by a contradicted text, and by one left open."""
ROUNDS = {"train": 2}
"""How often the emoji of a split are divided into blocks; other splits: once."""


def read(style: str, split: str, language: str) -> Iterator[ImageTextExample]:
    """Yield the examples, block by block; they are the same in all languages."""
    number = 0
    for turn in range(ROUNDS.get(split, 1)):
        for block in blocks(split, BLOCK, f"emoji-nli-{turn}"):
            for name, tiles, label in _of_block(block, f"{split}-{turn}"):
                text, images = name_of(name, language), (picture_id(style, *tiles),)
                yield ImageTextExample(f"{split}-{number}", text, images, label)
                number += 1


def _of_block(block: Sequence[str], name: str) -> list[tuple[str, list[str], str]]:
    """(emoji of the text, tiles, label) of a block, in a random order."""
    draw = random.Random(seed_of("emoji-nli", name, *block))
    size, examples = len(block), []
    for index, emoji in enumerate(block):
        absent, hidden = (block[(index + step) % size] for step in (ABSENT, HIDDEN))
        open_, covered = [emoji, EMPTY], [emoji, COVERED]
        draw.shuffle(open_)
        draw.shuffle(covered)
        examples += [
            (emoji, open_, ENTAILMENT),
            (absent, open_, CONTRADICTION),
            (emoji, covered, ENTAILMENT),
            (hidden, covered, NEUTRAL),
        ]
    draw.shuffle(examples)
    return examples


def _task(
    name: str, style: str, summary: str, licence: str, source: str, train_task: str = ""
) -> TaskSpec:
    splits = {split: SPLITS[split] for split in (SPLITS if style == OPENMOJI else ("test",))}
    counts = {"train": 7_680, "dev": 384, "test": 960}
    spec = TaskSpec(
        name=name,
        version=1,
        format="image_inference",
        splits=splits,
        labels=NLI_LABELS,
        metrics=("accuracy",),
        read=partial(read, style),
        fingerprint=fingerprint,
        summary=summary,
        source=source,
        licence=licence,
        citation="OpenMoji, https://openmoji.org; Unicode CLDR, https://cldr.unicode.org",
        sizes={(split, code): counts[split] for split, codes in splits.items() for code in codes},
        subwords=6,
        modalities=("image", "text"),
        train_task=train_task,
    )
    return with_images(spec, lambda _folder, _revisions, _split: EmojiPictures(style))


EMOJI_NLI = _task(
    "emoji-nli",
    OPENMOJI,
    "is this emoji in the picture, is it not, or may it be under the covered tile?",
    LICENCE,
    SOURCE,
)
EMOJI_NLI_NOTO = _task(
    "emoji-nli-noto",
    NOTO,
    "emoji-nli in another drawing style than that of its training pictures",
    LICENCE.replace("OpenMoji, CC BY-SA 4.0", "Noto Emoji, OFL 1.1"),
    "Debian fonts-noto-color-emoji and PyPI emoji 2.16.0",
    train_task="emoji-nli",
)
NOTO_WITHOUT_IMAGE = without_image(EMOJI_NLI_NOTO)
EMOJI_NLI_WITHOUT_IMAGE = without_image(EMOJI_NLI)
