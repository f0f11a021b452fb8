"""Decoder-only models as encoders: what they can do, what they are refused for, and padding."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from transformers import AutoTokenizer

from xstilts.core.errors import EncoderError
from xstilts.models.encoder_files import EncoderFiles
from xstilts.models.encoder_import import import_encoder
from xstilts.models.pooling import pool
from xstilts.testing.encoder_families import write_family


@pytest.fixture
def decoder(tmp_path: Path) -> Path:
    return write_family(tmp_path / "hf", "llama")


@pytest.mark.parametrize("use", ["masked_lm", "first_token"])
def test_a_decoder_is_refused_for_what_only_encoders_can_do(
    decoder: Path, tmp_path: Path, use: str
) -> None:
    with pytest.raises(EncoderError, match="LlamaModel is a decoder"):
        import_encoder(decoder, tmp_path, **{use: True})
    assert import_encoder(decoder, tmp_path) == ()


def without_padding(folder: Path, **changes: object) -> Path:
    """The folder with a tokenizer that has neither padding nor mask token."""
    path = folder / "tokenizer_config.json"
    config = json.loads(path.read_text())
    for name in ("pad_token", "mask_token"):
        config.pop(name)
    path.write_text(json.dumps({**config, **changes}))
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "pad_token_id": None}))
    return folder


def test_a_decoder_without_padding_token_pads_with_its_end_token(
    decoder: Path, tmp_path: Path
) -> None:
    (note,) = import_encoder(without_padding(decoder), tmp_path)
    assert "'</s>'" in note
    files = EncoderFiles(tmp_path)
    assert files.tokenizer().pad_token_id == 2
    assert files.used_ids([[7]]).tolist() == [2, 7]


def test_a_tokenizer_without_padding_and_end_is_refused(decoder: Path, tmp_path: Path) -> None:
    folder = without_padding(decoder, eos_token=None)
    assert AutoTokenizer.from_pretrained(folder).eos_token_id is None
    with pytest.raises(EncoderError, match="no padding token"):
        import_encoder(folder, tmp_path)


def test_last_pooling_reads_the_last_token_before_the_padding() -> None:
    hidden = torch.arange(12.0).view(2, 3, 2)
    mask = torch.tensor([[1, 1, 1], [1, 1, 0]])
    assert pool(hidden, mask, "last").tolist() == [[4, 5], [8, 9]]
