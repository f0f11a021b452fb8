"""Real texts of XVNLI: the task with images has the pairs of the task without them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from xstilts.formats.classification import TextExample
from xstilts.formats.image_text.classification import ImageTextExample
from xstilts.tasks import TASKS
from xstilts.tasks.io.sources import located

DATA = Path(os.environ.get("XSTILTS_TEST_DATA") or Path(__file__).parents[3] / "shared") / "data"
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="no data: set XSTILTS_TEST_DATA")


@pytest.mark.parametrize("language", ["ar", "en", "es", "fr", "ru"])
def test_images_take_the_place_of_captions(language: str) -> None:
    captions = located(TASKS.get("xvnli"), DATA, {}).read("test", language)
    images = located(TASKS.get("xvnli-image"), DATA, {}).read("test", language)
    with_captions = {
        one.id: (one.text_pair, one.label) for one in captions if isinstance(one, TextExample)
    }
    with_images = {
        one.id: (one.text, one.label) for one in images if isinstance(one, ImageTextExample)
    }
    assert with_images == with_captions


def test_the_test_set_has_357_images() -> None:
    examples = located(TASKS.get("xvnli-image"), DATA, {}).read("test", "en")
    images = {one.images[0] for one in examples if isinstance(one, ImageTextExample)}
    assert len(images) in (356, 357)  # pairs without a gold label are left out
