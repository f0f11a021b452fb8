"""Adapters in an encoder: which layers get them, and what the model then computes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from xstilts.config.lora import LoraConfig
from xstilts.core.errors import EncoderError
from xstilts.models import lora
from xstilts.models.adapter_files import Adapter, read_adapters, write_adapters
from xstilts.models.encoder import Encoder
from xstilts.models.encoder_files import BODY, EncoderFiles
from xstilts.models.lora import adapter_of, add_adapters

IDS = torch.tensor([[0, 20, 41, 32, 57, 2], [0, 38, 24, 2, 1, 1]])
MASK = (IDS != 1).long()


def adapted(root: Path, seed: int = 1, **config: Any) -> Encoder:
    encoder = Encoder(EncoderFiles(root), torch.arange(len(EncoderFiles(root).full_embeddings())))
    add_adapters(encoder, LoraConfig(**config), seed)
    return encoder


def filled(encoder: Encoder) -> Encoder:
    """The encoder with adapters that change what it computes."""
    draw = torch.Generator().manual_seed(3)
    for name, value in encoder.model.named_parameters():
        if ".lora_B." in name:
            value.data.normal_(std=0.2, generator=draw)
    return encoder


def states(encoder: Encoder) -> torch.Tensor:
    with torch.no_grad():
        return encoder.eval()(IDS, MASK, torch.zeros_like(IDS))[MASK == 1]


def test_new_adapters_change_nothing_and_alone_are_trained(root: Path) -> None:
    plain = Encoder(EncoderFiles(root), torch.arange(160))
    encoder = adapted(root)
    assert states(encoder).equal(states(plain))
    trained = {name for name, value in encoder.named_parameters() if value.requires_grad}
    assert len(trained) == 8  # A and B of query and value in two blocks
    assert all(".lora_" in name for name in trained)
    assert encoder.uses_packing


def test_a_seed_determines_the_adapters_and_leaves_the_global_generator(root: Path) -> None:
    weights = []
    for number, seed in enumerate((1, 1, 2)):
        encoder = Encoder(EncoderFiles(root), torch.arange(160))
        torch.manual_seed(number)
        before = torch.get_rng_state()
        add_adapters(encoder, LoraConfig(), seed)
        assert torch.get_rng_state().equal(before)
        weights.append([value for name, value in encoder.named_parameters() if "lora_A" in name])
    assert all(a.equal(b) for a, b in zip(weights[0], weights[1], strict=True))
    assert not any(a.equal(b) for a, b in zip(weights[0], weights[2], strict=True))


@pytest.mark.parametrize(
    ("names", "count"), [("auto", 4), (["key"], 2), ("all-linear", 12), (["dense"], 6)]
)
def test_target_modules_choose_the_layers(names: Any, count: int, root: Path) -> None:
    encoder = adapted(root, target_modules=names)
    assert sum("lora_A" in name for name, _ in encoder.named_parameters()) == count


def test_a_name_that_matches_nothing_is_refused_with_the_names_there_are(root: Path) -> None:
    with pytest.raises(EncoderError, match="q_proj") as error:
        adapted(root, target_modules=["query", "q_proj"])
    assert "query, key, value, dense" in str(error.value)


@pytest.mark.parametrize("names", ["auto", "all-linear", ["query"]])
def test_an_encoder_without_linear_layers_gets_no_adapters(
    names: Any, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as GPT-2, whose layers are transposed convolutions."""
    monkeypatch.setattr(lora, "_is_linear", lambda _: False)
    with pytest.raises(EncoderError, match="no linear layers"):
        adapted(root, target_modules=names)


def test_a_layer_whose_weights_the_model_reads_itself_gets_no_adapter(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def model(self: EncoderFiles, ids: torch.Tensor) -> Any:
        made = plain(self, ids)
        inner = made.get_submodule("encoder.layer.1.intermediate")
        dense, activation = inner.dense, inner.intermediate_act_fn
        linear = torch.nn.functional.linear
        inner.forward = lambda x: activation(linear(x, dense.weight, dense.bias))
        return made

    plain = EncoderFiles.model
    monkeypatch.setattr(EncoderFiles, "model", model)
    names = {name for name, _ in adapted(root, target_modules=["dense"]).named_parameters()}
    assert any("layer.0.intermediate.dense.lora_A" in name for name in names)
    assert not any("layer.1.intermediate.dense.lora_A" in name for name in names)
    with pytest.raises(EncoderError, match=r"layer\.1\.intermediate\.dense"):
        adapted(root, target_modules=["layer.1.intermediate.dense"])


def test_merged_adapters_give_the_states_of_unmerged_ones(root: Path, tmp_path: Path) -> None:
    encoder = filled(adapted(root, target_modules="all-linear", alpha=4))
    write_adapters(tmp_path, [adapter_of(encoder.model.state_dict(), LoraConfig(alpha=4))])
    merged = Encoder(EncoderFiles(root, tmp_path), encoder.ids)
    torch.testing.assert_close(states(merged), states(encoder), rtol=1e-5, atol=1e-5)
    plain = Encoder(EncoderFiles(root), encoder.ids)
    assert (states(merged) - states(plain)).abs().max() > 0.01


def test_adapters_are_merged_in_order_and_survive_the_file(tmp_path: Path) -> None:
    draw = torch.Generator().manual_seed(0)
    pairs = [(torch.randn(r, 4, generator=draw), torch.randn(3, r, generator=draw)) for r in (1, 2)]
    adapters = [Adapter(0.5, {"a.0.b": pairs[0]}), Adapter(3.0, {"a.0.b": pairs[1]})]
    write_adapters(tmp_path, adapters)
    state = {"a.0.b.weight": torch.ones(3, 4)}
    for adapter in read_adapters(tmp_path):
        adapter.merge_into(state, "here")
    expected = 1 + 0.5 * pairs[0][1] @ pairs[0][0] + 3 * pairs[1][1] @ pairs[1][0]
    torch.testing.assert_close(state["a.0.b.weight"], expected)


def test_an_adapter_of_another_encoder_is_refused(tmp_path: Path) -> None:
    adapter = Adapter(1.0, {"a.0.b": (torch.ones(1, 4), torch.ones(3, 1))})
    for state in ({}, {"a.0.b.weight": torch.ones(4, 3)}):
        with pytest.raises(EncoderError, match=r"a\.0\.b"):
            adapter.merge_into(state, "here")


def test_weights_are_read_from_the_files_that_the_artifact_has(root: Path, tmp_path: Path) -> None:
    (tmp_path / BODY).write_bytes((root / BODY).read_bytes())
    write_adapters(tmp_path, [])
    assert EncoderFiles(root, tmp_path).body().keys() == EncoderFiles(root).body().keys()
