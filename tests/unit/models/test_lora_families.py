"""Adapters in every family of encoders: in which layers, and equal when merged."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from xstilts.config.lora import LoraConfig
from xstilts.models.adapter_files import write_adapters
from xstilts.models.encoder import Encoder
from xstilts.models.encoder_files import EncoderFiles
from xstilts.models.encoder_import import import_encoder
from xstilts.models.lora import adapter_of, add_adapters
from xstilts.testing.encoder_families import FAMILIES, write_family

IDS = torch.tensor([[0, 20, 41, 32, 57, 2], [0, 38, 24, 2, 1, 1]])
MASK = (IDS != 1).long()
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
    files = EncoderFiles(tmp_path / "stored", tmp_path / "trained")
    files.root.mkdir()
    import_encoder(write_family(tmp_path / "hf", family), files.root)
    rows = torch.arange(len(files.full_embeddings()))
    plain = EncoderFiles(files.root)
    encoder = Encoder(plain, rows)
    layers = add_adapters(encoder, LoraConfig(alpha=4), 1)
    names = {layer.rpartition(".")[2] for layer in layers}
    assert (names <= QUERY_AND_VALUE) == (family in BY_PEFT), names
    before = states(encoder)
    assert before.equal(states(Encoder(plain, rows)))
    draw = torch.Generator().manual_seed(3)
    for name, value in encoder.model.named_parameters():
        if ".lora_B." in name:
            value.data.normal_(std=0.2, generator=draw)
    files.trained.mkdir()
    write_adapters(files.trained, [adapter_of(encoder.model.state_dict(), LoraConfig(alpha=4))])
    unmerged = states(encoder)
    torch.testing.assert_close(states(Encoder(files, rows)), unmerged, rtol=1e-5, atol=1e-5)
    assert (unmerged - before).abs().max() > 0.01
    inputs = IDS, MASK, torch.zeros_like(IDS)
    encoder.train()(*inputs)[MASK == 1].square().sum().backward()
    trained = {name: value for name, value in encoder.named_parameters() if value.requires_grad}
    assert len(trained) == 2 * len(layers)
    assert all(value.grad is not None for value in trained.values())


def states(encoder: Encoder) -> torch.Tensor:
    with torch.no_grad():
        return encoder.eval()(IDS, MASK, torch.zeros_like(IDS))[MASK == 1]
