"""The masked LM head of each family gives the logits of transformers' model for masked LM."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from xstilts.formats.base import HeadShape
from xstilts.formats.masked_lm import MASKED_LM
from xstilts.models.encoder import Encoder
from xstilts.models.encoder_files import EncoderFiles
from xstilts.models.encoder_import import import_encoder
from xstilts.stages.train import load_masked_head
from xstilts.testing.masked_heads import WITH_MASKED_HEAD, write_masked_family
from xstilts.training.multitask_model import initialised
from xstilts.training.train_task import TrainTask

TASK = TrainTask("t", "masked_lm", (), "masked_accuracy", (), (), ())
WITHOUT_HEAD = ("rembert", "eurobert", "xlm")


def stored(folder: Path, target: Path) -> EncoderFiles:
    target.mkdir()
    import_encoder(folder, target, masked_lm=True)
    return EncoderFiles(target)


@pytest.mark.parametrize("family", WITH_MASKED_HEAD)
def test_the_logits_are_those_of_transformers(family: str, tmp_path: Path) -> None:
    plain = write_masked_family(tmp_path / "hf", family, **WITH_MASKED_HEAD[family])
    files = stored(tmp_path / "hf", tmp_path / "stored")
    rows = len(files.full_embeddings())
    shapes = {"t": HeadShape(MASKED_LM.name, rows, 0.0, "mean")}
    model = initialised(Encoder(files, torch.arange(rows)), shapes, seed=0).eval()
    assert load_masked_head(model, [TASK], files) == []
    ids = torch.tensor([[0, 20, 41, 32, 57, 2]])
    mask, positions = torch.ones_like(ids), ids > 30
    with torch.no_grad():
        logits = model("t", ids, mask, torch.zeros_like(ids), positions)
        wanted = plain(input_ids=ids, attention_mask=mask).logits[positions]
    got = logits.hidden @ logits.embeddings.T + logits.bias
    torch.testing.assert_close(got, wanted, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("family", WITHOUT_HEAD)
def test_other_heads_are_replaced_by_a_new_one_with_a_note(family: str, tmp_path: Path) -> None:
    write_masked_family(tmp_path / "hf", family)
    files = stored(tmp_path / "hf", tmp_path / "stored")
    rows = len(files.full_embeddings())
    shapes = {"t": HeadShape(MASKED_LM.name, rows, 0.0, "mean")}
    model = initialised(Encoder(files, torch.arange(rows)), shapes, seed=0)
    (note,) = load_masked_head(model, [TASK], files)
    assert "new one is trained" in note


def test_a_head_of_its_own_output_matrix_is_not_used(tmp_path: Path) -> None:
    write_masked_family(tmp_path / "hf", "modernbert", tie_word_embeddings=False)
    files = stored(tmp_path / "hf", tmp_path / "stored")
    assert not (files.root / "masked_head.safetensors").exists()
