"""The masked LM head of each family gives the logits of transformers' model for masked LM."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from xstilts.formats.base import HeadShape
from xstilts.formats.masked_lm import MASKED_LM
from xstilts.models.encoder import Encoder
from xstilts.models.encoder_files import EncoderFiles
from xstilts.models.encoder_import import import_encoder
from xstilts.stages.train import load_masked_head
from xstilts.testing.encoder_families import FAMILIES, write_family
from xstilts.training.loop import TrainTask
from xstilts.training.multitask_model import initialised

TASK = TrainTask("t", "masked_lm", (), "masked_accuracy", (), (), ())
WITH_HEAD: dict[str, dict[str, Any]] = {
    "xlm-roberta": {"hidden_act": "relu"},  # its head has GELU all the same
    "bert": {"hidden_act": "gelu_new"},
    "xlm-roberta-xl": {},
    "xmod": {},
    "deberta-v2": {"legacy": False, "hidden_act": "relu", "layer_norm_eps": 1e-3},
    "albert": {"hidden_act": "gelu_new"},
    "electra": {},
    "mpnet": {},
    "distilbert": {"activation": "relu"},
    "modernbert": {"norm_eps": 1e-3},
    "nomic_bert": {},
}
WITHOUT_HEAD = ("rembert", "eurobert", "xlm")


def with_masked_head(folder: Path, family: str, **changes: Any) -> Any:
    """A tiny model for masked LM in a folder, all its weights far from their start."""
    write_family(folder, family, **changes)
    config = transformers.AutoConfig.from_pretrained(folder)
    torch.manual_seed(1)
    name = f"{FAMILIES[family].prefix}ForMaskedLM"
    if family == "xlm":
        name = "XLMWithLMHeadModel"
    model = getattr(transformers, name)(config).eval()
    with torch.no_grad():
        for value in model.parameters():
            value += torch.randn(value.shape) * 0.1
    model.save_pretrained(folder)
    return model


def stored(folder: Path, target: Path) -> EncoderFiles:
    target.mkdir()
    import_encoder(folder, target, masked_lm=True)
    return EncoderFiles(target)


@pytest.mark.parametrize("family", WITH_HEAD)
def test_the_logits_are_those_of_transformers(family: str, tmp_path: Path) -> None:
    plain = with_masked_head(tmp_path / "hf", family, **WITH_HEAD[family])
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
    with_masked_head(tmp_path / "hf", family)
    files = stored(tmp_path / "hf", tmp_path / "stored")
    rows = len(files.full_embeddings())
    shapes = {"t": HeadShape(MASKED_LM.name, rows, 0.0, "mean")}
    model = initialised(Encoder(files, torch.arange(rows)), shapes, seed=0)
    (note,) = load_masked_head(model, [TASK], files)
    assert "new one is trained" in note


def test_a_head_of_its_own_output_matrix_is_not_used(tmp_path: Path) -> None:
    with_masked_head(tmp_path / "hf", "modernbert", tie_word_embeddings=False)
    files = stored(tmp_path / "hf", tmp_path / "stored")
    assert not (files.root / "masked_head.safetensors").exists()
