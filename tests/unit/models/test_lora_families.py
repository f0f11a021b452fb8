"""Adapters in every family of encoders: in which layers, and equal when merged."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from xstilts.models.encoder import Encoder
from xstilts.models.encoder_files import EncoderFiles
from xstilts.models.encoder_import import import_encoder
from xstilts.testing.encoder_families import FAMILIES, write_family
from xstilts.testing.merged_adapters import IDS, MASK, adapter_states, states_of

QUERY_AND_VALUE = {
    "query", "value", "q", "v", "query_proj", "value_proj", "q_proj", "v_proj",
}  # fmt: skip
BY_PEFT = {
    *("xlm-roberta", "roberta", "bert", "electra", "deberta-v2", "mt5", "t5"),
    *("qwen3", "llama", "mistral", "gemma2", "gemma3"),
}
"""Families of which peft knows which layers are usual; the others get adapters in all."""


@pytest.mark.parametrize("family", FAMILIES)
def test_merged_adapters_give_the_states_of_unmerged_ones(family: str, tmp_path: Path) -> None:
    root = tmp_path / "stored"
    root.mkdir()
    import_encoder(write_family(tmp_path / "hf", family), root)
    encoder, layers, untrained, unmerged, merged = adapter_states(root, tmp_path / "trained")
    names = {layer.rpartition(".")[2] for layer in layers}
    assert (names <= QUERY_AND_VALUE) == (family in BY_PEFT), names
    files = EncoderFiles(root)
    plain = Encoder(files, torch.arange(len(files.full_embeddings())))
    assert untrained.equal(states_of(plain))
    torch.testing.assert_close(merged, unmerged, rtol=1e-5, atol=1e-5)
    assert (unmerged - untrained).abs().max() > 0.01
    inputs = IDS, MASK, torch.zeros_like(IDS)
    encoder.train()(*inputs)[MASK == 1].square().sum().backward()
    trained = {name: value for name, value in encoder.named_parameters() if value.requires_grad}
    assert len(trained) == 2 * len(layers)
    assert all(value.grad is not None for value in trained.values())
