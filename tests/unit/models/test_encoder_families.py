"""An encoder in the store has the hidden states of AutoModel, for every family that loads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from transformers import AutoTokenizer

from xstilts.formats.base import HeadShape
from xstilts.models.chunked_lm_loss import cross_entropy
from xstilts.models.encoder import Encoder
from xstilts.models.encoder_files import EncoderFiles
from xstilts.models.encoder_import import import_encoder
from xstilts.models.vocab_view import used_ids
from xstilts.testing.tiny import write_encoder
from xstilts.training.multitask_model import initialised

SIZES = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 48,
    "max_position_embeddings": 70,
}
FAMILIES: dict[str, tuple[str, dict[str, Any]]] = {
    "xlm-roberta": ("XLMRoberta", SIZES),
    "roberta": ("Roberta", SIZES),
    "bert": ("Bert", SIZES),
    "camembert": ("Camembert", SIZES),
    "electra": ("Electra", {**SIZES, "embedding_size": 16}),
    "albert": ("Albert", {**SIZES, "embedding_size": 16}),
    "rembert": ("RemBert", {**SIZES, "input_embedding_size": 16, "output_embedding_size": 24}),
    "deberta-v2": (
        "DebertaV2",
        {**SIZES, "relative_attention": True, "position_biased_input": False},
    ),
    "modernbert": ("ModernBert", SIZES),
    "eurobert": ("EuroBert", {**SIZES, "num_key_value_heads": 2}),
    "distilbert": (
        "DistilBert",
        {"dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 48, "max_position_embeddings": 70},
    ),
    "xlm": (
        "XLM",
        {
            "emb_dim": 32,
            "n_layers": 2,
            "n_heads": 2,
            "max_position_embeddings": 70,
            "pad_index": 1,
        },
    ),
    "gemma3": (
        "Gemma3Text",
        {
            **SIZES,
            "head_dim": 16,
            "num_key_value_heads": 1,
            "use_bidirectional_attention": True,
        },
    ),
    "mt5": (
        "MT5",
        {"d_model": 32, "num_layers": 2, "num_heads": 2, "d_kv": 16, "d_ff": 48},
    ),
}


def write_family(folder: Path, family: str, **changes: Any) -> Path:
    """A tiny model of a family with random weights, and the toy tokenizer."""
    name, sizes = FAMILIES[family]
    write_encoder(folder)
    rows = len(AutoTokenizer.from_pretrained(folder, trust_remote_code=False))
    special = {"pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2}
    config = getattr(transformers, f"{name}Config")(
        vocab_size=rows, **special, **{**sizes, **changes}
    )
    torch.manual_seed(0)
    getattr(transformers, f"{name}Model")(config).save_pretrained(folder)
    return folder


def plain_model(folder: Path) -> Any:
    loads = transformers.AutoModel
    if "MT5" in (folder / "config.json").read_text():
        loads = transformers.MT5EncoderModel
    return loads.from_pretrained(folder).eval()


@pytest.mark.parametrize("family", FAMILIES)
def test_hidden_states_equal_those_of_auto_model(family: str, tmp_path: Path) -> None:
    folder, target = write_family(tmp_path / "hf", family), tmp_path / "stored"
    target.mkdir()
    import_encoder(folder, target)
    ids = torch.tensor([[0, 20, 41, 32, 57, 2], [0, 38, 24, 2, 1, 1]])
    mask = (ids != 1).long()
    files = EncoderFiles(target)
    encoder = Encoder(files, used_ids([[3, 4]], 1)).eval()
    encoder.set_vocab(used_ids([ids.flatten().tolist()], 1))
    with torch.no_grad():
        plain = plain_model(folder)
        wanted = plain(input_ids=ids, attention_mask=mask, output_hidden_states=True)
        states = encoder.hidden_states(ids, mask, torch.zeros_like(ids))
        last = encoder(ids, mask, torch.zeros_like(ids))
    assert len(states) == len(wanted.hidden_states) == 3
    for got, want in zip(states, wanted.hidden_states, strict=True):
        torch.testing.assert_close(got[mask == 1], want[mask == 1], atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(
        last[mask == 1], wanted.last_hidden_state[mask == 1], atol=1e-5, rtol=1e-4
    )


@pytest.mark.parametrize("family", ["electra", "albert", "rembert", "bert"])
def test_masked_lm_logits_use_embeddings_of_any_width(family: str, tmp_path: Path) -> None:
    folder, target = write_family(tmp_path / "hf", family), tmp_path / "stored"
    target.mkdir()
    import_encoder(folder, target)
    files = EncoderFiles(target)
    rows = len(files.full_embeddings())
    shapes = {"own": HeadShape("masked_lm", rows, 0.0, "cls")}
    model = initialised(Encoder(files, torch.arange(rows)), shapes, seed=0).eval()
    ids = torch.tensor([[0, 20, 41, 32, 57, 2]])
    positions = torch.tensor([[False, True, False, True, False, False]])
    logits = model("own", ids, torch.ones_like(ids), torch.zeros_like(ids), positions)
    loss = cross_entropy(logits, ids[positions])
    loss.backward()
    grad = model.encoder.embeddings.grad
    assert grad is not None
    assert grad.shape == files.full_embeddings().shape
    assert float(grad[100].abs().max()) > 0
