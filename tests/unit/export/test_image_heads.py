"""The error for heads of texts with images offers only what can be exported."""

from __future__ import annotations

from pathlib import Path

import pytest

from xstilts.export.image_heads import image_head_error
from xstilts.models.encoder_files import EncoderFiles
from xstilts.models.encoder_import import import_encoder
from xstilts.testing.encoder_families import write_family


def todo(root: Path, *others: str) -> str:
    error = image_head_error(EncoderFiles(root), "pictures", "image_inference", others)
    assert "pictures (image_inference)" in error.what
    return str(error.todo)


def test_an_encoder_of_texts_is_offered_without_its_head(root: Path) -> None:
    assert "--without-head" in todo(root)
    assert "--task" not in todo(root)
    assert "--task mnli" in todo(root, "mnli")


@pytest.mark.parametrize(
    ("family", "offered"), [("clip", True), ("siglip", False), ("metaclip_2", False)]
)
def test_an_image_text_encoder_is_offered_if_it_can_be_exported(
    tmp_path: Path, family: str, offered: bool
) -> None:
    (tmp_path / "root").mkdir()
    import_encoder(write_family(tmp_path / "hf", family), tmp_path / "root")
    text = todo(tmp_path / "root", "mnli")
    assert ("--without-head" in text) == offered
    assert (f"type {family}" in text) != offered
    assert ("--task mnli" in text) == offered
