"""Packed batches equal padded ones: hidden states and gradients of every architecture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from torch import Tensor
from transformers import AutoModel, BertConfig, PretrainedConfig, RobertaConfig, XLMRobertaConfig

from xstilts.formats import FORMATS
from xstilts.formats.base import Feature, HeadShape
from xstilts.models import encoder as encoder_module
from xstilts.models import packing as packed
from xstilts.models.attention import grouped, jagged
from xstilts.models.encoder import Encoder
from xstilts.models.encoder_files import EncoderFiles
from xstilts.models.encoder_import import import_encoder
from xstilts.models.fast_dropout import Dropout, dropout, dropout_mask
from xstilts.models.packing import (
    IN_BF16,
    IN_FP32,
    Grouping,
    Layout,
    first_position,
    layout_of,
)
from xstilts.testing.tiny import write_encoder
from xstilts.training.multitask_model import initialised
from xstilts.training.predict import read_positions

SHAPE = {
    "vocab_size": 160,
    "hidden_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 48,
    "max_position_embeddings": 40,
    "attention_probs_dropout_prob": 0.0,
    "hidden_dropout_prob": 0.0,
}
FAMILIES = [
    BertConfig(**SHAPE, pad_token_id=0),
    RobertaConfig(**SHAPE, pad_token_id=1, type_vocab_size=1),
    XLMRobertaConfig(**SHAPE, pad_token_id=1, type_vocab_size=1),
]
LENGTHS = (3, 17, 5, 9, 17, 1, 30, 8)


def padded(lengths: tuple[int, ...], padding: int) -> tuple[Tensor, Tensor]:
    draw = torch.Generator().manual_seed(1)
    ids = torch.randint(5, 90, (len(lengths), max(lengths)), generator=draw)
    mask = (torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]).long()
    return torch.where(mask == 1, ids, padding), mask


def encoder(root: Path, config: PretrainedConfig) -> Encoder:
    """An encoder of a family, through the store's layout."""
    write_encoder(root / "hf")
    torch.manual_seed(0)
    AutoModel.from_config(config, add_pooling_layer=False).save_pretrained(root / "hf")
    import_encoder(root / "hf", root)
    return Encoder(EncoderFiles(root), torch.arange(160))


@pytest.mark.parametrize("rounded", [False, True])
@pytest.mark.parametrize("config", FAMILIES, ids=lambda config: config.model_type)
def test_hidden_states_and_gradients_equal_the_padded_batch(
    config: PretrainedConfig, rounded: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encoder_module, "uses_onednn", lambda _: rounded)
    assert layout_of(padded(LENGTHS, 0)[1], 4, rounded=True).rows > sum(LENGTHS)
    ours = encoder(tmp_path, config).train()
    plain = AutoModel.from_pretrained(tmp_path / "hf", add_pooling_layer=False).train()
    assert first_position(ours.model) == (0 if config.model_type == "bert" else 2)
    ids, mask = padded(LENGTHS, config.pad_token_id)
    types = torch.zeros_like(ids)
    wanted = plain(input_ids=ids, attention_mask=mask, output_hidden_states=True).hidden_states
    found = ours.hidden_states(ids, mask, types)
    for mine, theirs in zip(found, wanted, strict=True):
        torch.testing.assert_close(mine[mask == 1], theirs[mask == 1], rtol=1e-5, atol=1e-5)
    weight = torch.randn(wanted[-1].shape) * mask[..., None]
    (wanted[-1] * weight).sum().backward()
    (ours(ids, mask, types) * weight).sum().backward()
    theirs_by_name = dict(plain.named_parameters())
    for name, value in ours.model.named_parameters():
        assert value.grad is not None
        theirs = theirs_by_name[name].grad
        assert theirs is not None
        # A small gradient is a sum of large terms, whose rounding depends on the CPU.
        tolerance = 1e-5 * max(1.0, float(theirs.abs().max()))
        torch.testing.assert_close(value.grad, theirs, rtol=1e-4, atol=tolerance)


def test_unsupported_architectures_use_padded_batches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids, mask = padded(LENGTHS, 0)
    found = encoder(tmp_path / "one", FAMILIES[0])(ids, mask, torch.zeros_like(ids))
    monkeypatch.setattr(packed, "PACKED_TYPES", frozenset())
    again = encoder(tmp_path / "two", FAMILIES[0])(ids, mask, torch.zeros_like(ids))
    assert not again[0, -1].eq(0).all()  # padding was read
    torch.testing.assert_close(found[mask == 1], again[mask == 1], rtol=1e-5, atol=1e-5)


def of_groups(rows: Sequence[Tensor], layout: Layout, scale: float, dropout: float) -> Tensor:
    """`grouped`, of query, key and value."""
    return grouped(torch.stack(list(rows), 1), layout, scale, dropout)


def test_groups_in_bf16_are_fewer_and_have_aligned_lengths() -> None:
    mask = padded((40, 33, 22, 12, 11, 3), 0)[1]
    assert [group.length for group in layout_of(mask, 2).groups] == [40, 22, 12, 3]
    assert [group.length for group in layout_of(mask, 2, grouping=IN_BF16).groups] == [40, 16, 8]


@pytest.mark.parametrize("grouping", [IN_FP32, IN_BF16])
@pytest.mark.parametrize("lengths", [LENGTHS, (4,), (6, 6, 6), (1, 1), (30, 1)])
def test_both_attention_kernels_equal_attention_per_text(
    lengths: tuple[int, ...], grouping: Grouping
) -> None:
    _, mask = padded(lengths, 0)
    layout = layout_of(mask, 4, grouping=grouping)
    draw = torch.Generator().manual_seed(2)
    rows = [torch.randn(sum(lengths), 4, 8, generator=draw) for _ in range(3)]
    weight, slopes = torch.randn(rows[0].shape, generator=draw), []
    texts = zip(*(part.split(lengths) for part in rows), strict=True)
    wanted = torch.cat(
        [
            torch.nn.functional.scaled_dot_product_attention(
                *(part.transpose(0, 1) for part in text)
            ).transpose(0, 1)
            for text in texts
        ]
    )
    for way in (of_groups, jagged):
        given = [part.clone().requires_grad_() for part in rows]
        found = way(given, layout, 8**-0.5, 0.0)
        torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-5)
        slopes.append(torch.autograd.grad((found * weight).sum(), given))
        with torch.no_grad():
            torch.testing.assert_close(way(rows, layout, 8**-0.5, 0.0), found, rtol=1e-5, atol=1e-5)
    for one, other in zip(*slopes, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("grouping", [IN_FP32, IN_BF16])
@pytest.mark.parametrize("share", [0.0, 0.4])
def test_attention_gradients_equal_finite_differences(share: float, grouping: Grouping) -> None:
    lengths = (4, 3, 1, 2)
    layout = layout_of(padded(lengths, 0)[1], 2, grouping=grouping)
    draw = torch.Generator().manual_seed(6)
    size = (sum(lengths), 2, 3)
    rows = [torch.randn(size, generator=draw, dtype=torch.float64) for _ in range(3)]

    def attention(*given: Tensor) -> Tensor:
        torch.manual_seed(7)  # the same weights are dropped each time
        return of_groups(given, layout, 0.7, share)

    assert any(group.bias is not None for group in layout.groups)
    assert torch.autograd.gradcheck(attention, [part.requires_grad_() for part in rows])
    if share:
        assert not torch.allclose(attention(*rows), of_groups(rows, layout, 0.7, 0.0))


def test_fast_dropout_has_the_rate_scale_and_gradient_of_torch() -> None:
    torch.manual_seed(3)
    values = torch.ones(400, 500, requires_grad=True)
    found = dropout(values, 0.1)
    found.sum().backward()
    zeroed = float((found == 0).float().mean())
    assert abs(zeroed - 0.1) < 5 * (0.1 * 0.9 / values.numel()) ** 0.5
    torch.testing.assert_close(found.unique(), torch.tensor([0.0, 1 / 0.9]), rtol=1e-5, atol=0)
    assert values.grad is not None
    torch.testing.assert_close(values.grad, found)  # of ones, the noise itself
    rows = (found == 0).float().mean(1)  # independent: rows vary as a binomial does
    assert float(rows.std()) == pytest.approx((0.1 * 0.9 / 500) ** 0.5, rel=0.15)


@pytest.mark.parametrize("share", [1e-9, 0.001, 0.3, 0.999])
def test_fast_dropout_keeps_the_mean_at_any_rate(share: float) -> None:
    torch.manual_seed(8)
    size = 400_000
    found = dropout(torch.ones(size, dtype=torch.float64), share)
    spread = (share / (1 - share) / size) ** 0.5
    assert abs(float(found.mean()) - 1) < 5 * spread + 1e-6


@pytest.mark.parametrize("share", [0.001, 0.1, 0.5, 0.999])
def test_masks_in_bf16_are_those_in_fp32_rounded(share: float) -> None:
    torch.manual_seed(5)
    values = torch.empty(3, 333)
    wanted = dropout_mask(values, share)
    torch.manual_seed(5)
    found = dropout_mask(values.to(torch.bfloat16), share)
    assert found.dtype == torch.bfloat16
    assert found.equal(wanted.to(torch.bfloat16))


def test_fast_dropout_follows_the_torch_seed_and_is_off_in_eval_mode() -> None:
    layer, values = Dropout(0.5), torch.ones(1, 7)
    torch.manual_seed(4)
    first, second = layer(values.repeat(9, 1)), layer(values.repeat(9, 1))
    torch.manual_seed(4)
    assert layer(values.repeat(9, 1)).equal(first)
    assert not second.equal(first)
    assert layer.eval()(values).equal(values)
    assert Dropout(0.0)(values).equal(values)
    assert Dropout(1.0)(values).eq(0).all()


def test_computing_only_the_first_blocks_gives_equal_states(tmp_path: Path) -> None:
    one = encoder(tmp_path, FAMILIES[2]).eval()
    ids, mask = padded(LENGTHS, 1)
    types = torch.zeros_like(ids)
    with torch.inference_mode():
        whole = one.hidden_states(ids, mask, types)
        for blocks in range(4):
            some = one.hidden_states(ids, mask, types, blocks)
            assert len(some) == blocks + 1
            assert some[-1].equal(whole[blocks])
        assert one(ids, mask, types).equal(whole[-1])


@pytest.mark.parametrize("config", FAMILIES, ids=lambda config: config.model_type)
def test_selected_positions_have_the_states_and_gradients_of_a_full_pass(
    config: PretrainedConfig, tmp_path: Path
) -> None:
    one = encoder(tmp_path, config).train()
    ids, mask = padded(LENGTHS, config.pad_token_id)
    types, wanted = torch.zeros_like(ids), mask.bool() & (ids % 3 != 0)
    wanted[:, 0] = True
    slopes = []
    for asked in (None, wanted):
        one.zero_grad()
        found = one(ids, mask, types, asked)
        slopes.append((found[wanted], found[wanted].square().sum()))
        slopes[-1][1].backward()
        slopes[-1] = (found[wanted].detach(), *(value.grad for value in one.parameters()))
    assert found[mask.bool() & ~wanted].eq(0).all()
    for whole, some in zip(*slopes, strict=True):
        torch.testing.assert_close(some, whole, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("by_onednn", [False, True])
def test_selected_positions_of_evaluations_have_few_numbers_of_rows(
    by_onednn: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encoder_module, "uses_onednn", lambda _: by_onednn)
    one, computed = encoder(tmp_path, FAMILIES[2]).eval(), list[int]()
    ids, mask = padded(LENGTHS, 1)
    types, wanted = torch.zeros_like(ids), mask.bool() & (ids % 3 != 0)
    wanted[:, 0] = True
    count = int(wanted.sum())
    inner = one.model.get_submodule(f"encoder.layer.{len(one._blocks) - 1}.intermediate")
    inner.register_forward_pre_hook(lambda _, given: computed.append(given[0].shape[1]))
    with torch.no_grad():
        whole, some = one(ids, mask, types), one(ids, mask, types, wanted)
        one.train()(ids, mask, types, wanted)
    padding = packed.rounded_rows(count, packed.ROUNDING_OF_SOME) - count
    assert padding > 0
    assert computed[1:] == [count + padding * by_onednn, count]
    torch.testing.assert_close(some[wanted], whole[wanted], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kind", ["classification", "multiple_choice", "tagging"])
@pytest.mark.parametrize("pooling", ["cls", "mean"])
def test_heads_declare_the_positions_they_read(kind: str, pooling: str, tmp_path: Path) -> None:
    torch.manual_seed(9)
    ids, mask = padded((9, 4, 6, 6), 0)
    types = torch.zeros_like(ids)
    shape = HeadShape(kind, 3, 0.0, pooling)
    model = initialised(encoder(tmp_path, FAMILIES[0]), {"t": shape}, 1).eval()
    features = [
        Feature(str(row), line[: int(size)].tolist(), [0] * int(size), 0, words=(1, 3))
        for row, (line, size) in enumerate(zip(ids, mask.sum(1), strict=True))
    ]
    places = read_positions(FORMATS.get(kind).training, features, torch.device("cpu"))
    found = model("t", ids, mask, types, places)
    whole = model.heads["t"](model.encoder(ids, mask, types), mask)
    if kind == "tagging":
        found, whole = found[:, [1, 3]], whole[:, [1, 3]]
    torch.testing.assert_close(found, whole, rtol=1e-5, atol=1e-6)


def test_gradient_checkpointing_gives_the_same_gradients(tmp_path: Path) -> None:
    config = BertConfig(
        **{**SHAPE, "hidden_dropout_prob": 0.2, "attention_probs_dropout_prob": 0.2}
    )
    ids, mask = padded(LENGTHS, 0)
    found = []
    for again in (False, True):
        one = encoder(tmp_path / str(again), config).train()
        one.configure(gradient_checkpointing=again, compiled=False)
        torch.manual_seed(5)
        one(ids, mask, torch.zeros_like(ids)).square().sum().backward()
        found.append([value.grad for value in one.parameters()])
    for once, twice in zip(*found, strict=True):
        torch.testing.assert_close(once, twice)
