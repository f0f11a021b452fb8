"""Linear layers by oneDNN: outputs and gradients are those of torch's own."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from xstilts.core import cpu_features
from xstilts.models import fast_linear
from xstilts.models.encoder import Encoder, frozen_encoder
from xstilts.models.encoder_files import EncoderFiles
from xstilts.models.fast_linear import FastLinear, linear, packed_weights, replace_linear
from xstilts.models.packing import rounded_rows
from xstilts.models.self_attention import JointProjections

WIDTHS = (48, 32, 16)
USES_ONEDNN = fast_linear.uses_onednn
needs_onednn = pytest.mark.skipif(
    not hasattr(torch.ops.mkldnn, "_linear_pointwise"), reason="torch was built without oneDNN"
)


@pytest.fixture(params=[False, True], ids=["by torch", "by oneDNN"], autouse=True)
def onednn(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether products are by oneDNN, for types that it multiplies."""
    used: bool = request.param
    if used and not hasattr(torch.ops.mkldnn, "_linear_pointwise"):
        pytest.skip("torch was built without oneDNN")
    monkeypatch.setattr(
        fast_linear, "uses_onednn", lambda dtype: used and dtype in (torch.float32, torch.bfloat16)
    )
    return used


def layers() -> list[nn.Linear]:
    torch.manual_seed(1)
    return [nn.Linear(40, width) for width in WIDTHS]


def fast(plain: list[nn.Linear]) -> list[FastLinear]:
    copies = nn.ModuleList(nn.Linear(one.in_features, one.out_features) for one in plain)
    copies.load_state_dict(nn.ModuleList(plain).state_dict())
    replace_linear(copies)
    return [layer for layer in copies if isinstance(layer, FastLinear)]


def states(*shape: int) -> Tensor:
    return torch.randn(*shape, 40, generator=torch.Generator().manual_seed(2)).requires_grad_()


def gradients(output: Tensor, given: Tensor, layers: list[nn.Linear]) -> list[Tensor]:
    weight = torch.randn(output.shape, generator=torch.Generator().manual_seed(3))
    parameters = [parameter for layer in layers for parameter in layer.parameters()]
    return list(torch.autograd.grad((output.float() * weight).sum(), [given, *parameters]))


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("shape", [(7,), (2, 9), (1, 1), (0,)])
def test_layers_side_by_side_have_the_outputs_and_gradients_of_each(
    shape: tuple[int, ...], precision: str
) -> None:
    plain, given = layers(), states(*shape)
    joined = fast(plain)
    with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
        wanted = torch.cat([layer(given) for layer in plain], -1)
        found = linear(given, joined)
    assert found.dtype == wanted.dtype
    tolerance = {"rtol": 1e-5, "atol": 1e-5} if precision == "fp32" else {"rtol": 0.02, "atol": 0.1}
    torch.testing.assert_close(found, wanted, **tolerance)
    for one, other in zip(
        gradients(found, given, [*joined]), gradients(wanted, given, plain), strict=True
    ):
        assert one.dtype == torch.float32
        torch.testing.assert_close(one, other, **tolerance)


def test_gradients_of_biases_in_bf16_are_those_of_torch() -> None:
    plain, given = layers()[0], states(200)
    found, wanted = (
        gradients(output, given, [layer])[-1]
        for layer in (*fast([plain]), plain)
        for output in [_in_bf16(layer, given)]
    )
    assert torch.equal(found, wanted)


def _in_bf16(layer: nn.Linear, given: Tensor) -> Tensor:
    with torch.autocast("cpu", torch.bfloat16):
        output: Tensor = layer(given)
        return output


def test_gradients_equal_finite_differences() -> None:
    layer, given = fast(layers())[2].double(), states(3).double()
    weight, bias = (value.detach().requires_grad_() for value in layer.parameters())

    def output(states: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        return torch.func.functional_call(layer, {"weight": weight, "bias": bias}, (states,))

    assert torch.autograd.gradcheck(output, [given.detach().requires_grad_(), weight, bias])


def test_what_a_product_keeps_for_its_gradient() -> None:
    """Neither a joined copy of fp32 weights, nor the states where weights are frozen."""
    joined, given, kept = fast(layers()), states(5), list[Tensor]()

    def pack(tensor: Tensor) -> Tensor:
        kept.append(tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        linear(given, joined)
        assert [len(tensor) for tensor in kept] == [5, *WIDTHS]
        kept.clear()
        for layer in joined:
            layer.requires_grad_(False)
        linear(given, joined)
        assert [len(tensor) for tensor in kept] == [*WIDTHS]


def test_weights_are_cast_once_for_a_batch() -> None:
    layer, kept = fast(layers())[0], list[Tensor]()

    def pack(tensor: Tensor) -> Tensor:
        kept.append(tensor)
        return tensor

    def weight_in_bf16() -> Tensor:
        hooks = torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor)
        with hooks, torch.autocast("cpu", torch.bfloat16):
            layer(states(5))
        return kept.pop()

    with fast_linear.shared_casts():
        first, second = weight_in_bf16(), weight_in_bf16()
    layer.weight.data += 1
    later = weight_in_bf16()
    assert first.data_ptr() == second.data_ptr()
    assert first.dtype == later.dtype == torch.bfloat16
    assert not torch.equal(first, later)


def test_types_that_do_not_go_together_are_refused(onednn: bool) -> None:
    layer = fast(layers())[0].to(torch.bfloat16)
    with pytest.raises(TypeError, match="float32"):
        layer(states(5))
    layer.pack()
    if onednn:
        with pytest.raises(TypeError, match="float32"):
            layer(states(5))


def test_gradients_of_gradients_are_refused() -> None:
    layer, given = fast(layers())[0], states(5)
    (slope,) = torch.autograd.grad(layer(given).square().sum(), given, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        slope.sum().backward()


def test_frozen_weights_get_no_gradient() -> None:
    layer = fast(layers())[0].requires_grad_(False)
    given = states(5)
    layer(given).sum().backward()
    assert layer.weight.grad is None
    assert given.grad is not None
    torch.testing.assert_close(given.grad, layer.weight.sum(0).expand_as(given))


def test_packed_weights_give_the_outputs_and_replace_the_weights(onednn: bool) -> None:
    plain, given = layers(), states(70).detach()
    layer = fast(plain)[0]
    layer.pack()
    assert (layer.packed is not None) == (layer.weight is None) == onednn
    torch.testing.assert_close(layer(given), plain[0](given), rtol=1e-5, atol=1e-5)
    joined = packed_weights(plain)
    assert (joined is not None) == onednn
    if joined:
        wanted = torch.cat([layer(given) for layer in plain], -1)
        torch.testing.assert_close(joined(given), wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("bf16", [False, True])
def test_an_encoder_with_packed_weights_has_the_same_states(
    root: Path, bf16: bool, onednn: bool
) -> None:
    ids, types = torch.arange(5, 45).view(2, 20), torch.zeros(2, 20, dtype=torch.long)
    mask = torch.ones_like(ids).index_fill_(1, torch.tensor([18, 19]), 0)
    plain = Encoder(EncoderFiles(root), EncoderFiles(root).used_ids(())).eval()
    frozen_encoder.cache_clear()
    packed = frozen_encoder(EncoderFiles(root), bf16=bf16)
    for encoder in (plain, packed):
        encoder.set_vocab(torch.arange(160))
    attentions = [one for one in packed.modules() if isinstance(one, JointProjections)]
    assert attentions
    assert all((one.packed is not None) == onednn for one in attentions)
    kept = [one.weight for one in packed.modules() if isinstance(one, FastLinear)]
    assert all((weight is None) == onednn for weight in kept)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        found, wanted = (encoder(ids, mask, types) for encoder in (packed, plain))
    tolerance = 0.05 if bf16 else 1e-5
    torch.testing.assert_close(found[mask == 1], wanted[mask == 1], rtol=tolerance, atol=tolerance)
    frozen_encoder.cache_clear()


@pytest.mark.parametrize("kind", ["forward_hook", "forward_pre_hook"])
def test_a_projection_with_a_hook_is_called(root: Path, kind: str) -> None:
    encoder, called = Encoder(EncoderFiles(root), torch.arange(160)).eval(), list[str]()
    ids, ones = torch.arange(5, 25)[None], torch.ones(1, 20, dtype=torch.long)
    joint = encoder(ids, ones, torch.zeros_like(ids))
    query = encoder.model.get_submodule("encoder.layer.0.attention.self.query")
    getattr(query, f"register_{kind}")(lambda *_: called.append("query"))
    apart = encoder(ids, ones, torch.zeros_like(ids))
    assert called == ["query"]
    torch.testing.assert_close(apart, joint, rtol=1e-5, atol=1e-5)


def test_rows_are_rounded_up_by_three_per_cent_at_most() -> None:
    assert [rounded_rows(tokens) for tokens in (1, 8, 9, 255, 257, 550, 1024)] == [
        *(8, 8, 16, 256, 264, 560, 1024)
    ]
    rows = [rounded_rows(tokens) for tokens in range(256, 5000)]
    assert max(row / tokens for row, tokens in zip(rows, range(256, 5000), strict=True)) < 1.032
    assert rows == sorted(rows)


@needs_onednn
@pytest.mark.parametrize(
    ("text", "types"),
    [
        ("vendor_id\t: GenuineIntel\nflags\t: avx2 amx_bf16\n", {torch.bfloat16}),
        ("vendor_id\t: GenuineIntel\nflags\t: avx512f\n", set()),
        ("vendor_id\t: AuthenticAMD\nflags\t: avx2\n", set()),
        ("vendor_id\t: AuthenticAMD\nflags\t: avx512f\n", {torch.float32}),
        (
            "vendor_id : AuthenticAMD\nflags : avx512f avx512_bf16\n",
            {torch.float32, torch.bfloat16},
        ),
        ("Features\t: fp asimd bf16\n", {torch.bfloat16}),  # ARM
        ("", set()),
    ],
)
def test_onednn_multiplies_fp32_with_avx512_that_is_not_intels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, types: set[torch.dtype]
) -> None:
    monkeypatch.setattr(cpu_features, "CPUINFO", tmp_path / "cpuinfo")
    (tmp_path / "cpuinfo").write_text(text)
    uses_onednn = USES_ONEDNN.__wrapped__  # without its cache
    every = (torch.float32, torch.bfloat16, torch.float64)
    assert {dtype for dtype in every if uses_onednn(dtype)} == types
