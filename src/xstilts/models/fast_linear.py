"""Linear layers on a CPU: products by oneDNN, with their gradients in one step of autograd.

torch multiplies fp32 matrices by MKL, which knows no AVX-512 on CPUs that are not Intel's: for an
AMD EPYC, MKL_VERBOSE=1 names a general processor. oneDNN, which torch contains too, uses AVX-512
there (ONEDNN_VERBOSE=1), and its products took about a tenth less time. In bf16 torch uses oneDNN
itself, but copies the bias before each product.

Layers that read the same states are computed by one product of their joined weights. For
evaluation, weights can be stored in the order in which oneDNN reads them (`PackedWeights`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from itertools import chain
from threading import Lock
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.autograd import Function
from torch.autograd.function import once_differentiable
from torch.nn import functional

from xstilts.core.cpu_features import has_avx512_and_is_not_intel, has_fast_bf16

ROWS = 1024
"""Rows of a product for which oneDNN chooses the order of packed weights."""

_lock = Lock()
_casts: dict[tuple[int, ...], Tensor] | None = None
"""Addresses of weights → the weights joined and cast; None outside of `shared_casts`."""


class FastLinear(nn.Linear):
    """`nn.Linear` as `linear` computes it on a CPU; elsewhere as torch does."""

    packed: PackedWeights | None = None

    def forward(self, states: Tensor) -> Tensor:
        """[..., d] → [..., width]."""
        if self.packed:
            return self.packed(states)
        if states.device.type != "cpu" or torch.compiler.is_compiling():
            return super().forward(states)
        return linear(states, (self,))

    def pack(self) -> None:
        """Replace the weights, unless they are packed, by packed ones, where oneDNN is used."""
        if self.weight is not None and (packed := packed_weights((self,))):
            self.packed = packed
            self.remove_weights()

    def remove_weights(self) -> None:
        """Free the weights, which are packed."""
        self.register_parameter("weight", None)
        self.register_parameter("bias", None)


class PackedWeights(NamedTuple):
    """The weights of linear layers with the same input, for evaluation.

    Args:
        weight: [Σ widths, d] of the layers side by side, in an order of oneDNN's own.
        bias: [Σ widths].
    """

    weight: Tensor
    bias: Tensor

    def __call__(self, states: Tensor) -> Tensor:
        """[..., d] → [..., Σ widths].

        Raises:
            TypeError: the context has another precision than the weights.
        """
        if precision_of(states) != self.bias.dtype:
            raise TypeError(f"products in {precision_of(states)} with weights in {self.bias.dtype}")
        return _by_onednn(states.to(self.bias.dtype), self.weight, self.bias)


def replace_linear(model: nn.Module) -> None:
    """Make every `nn.Linear` of a model a `FastLinear`, in place."""
    for module in model.modules():
        if type(module) is nn.Linear and module.bias is not None:
            module.__class__ = FastLinear


def packed_weights(layers: Sequence[nn.Linear]) -> PackedWeights | None:
    """The packed weights of layers; None where products are not by oneDNN."""
    dtype, device = layers[0].weight.dtype, layers[0].weight.device
    if device.type != "cpu" or not uses_onednn(dtype):
        return None
    with torch.no_grad():
        weight = torch.cat([layer.weight for layer in layers])
        bias = torch.cat([layer.bias for layer in layers])
        return PackedWeights(torch.ops.mkldnn._reorder_linear_weight(weight, ROWS), bias)


def precision_of(states: Tensor) -> torch.dtype:
    """The type of products with these states on a CPU: that of autocast, where it is enabled."""
    is_autocast = torch.is_autocast_enabled("cpu")
    return torch.get_autocast_dtype("cpu") if is_autocast else states.dtype


@contextmanager
def shared_casts() -> Iterator[None]:
    """Within the context, weights are cast to the type of autocast once, for all threads.

    They must not change meanwhile.
    """
    global _casts
    _casts = {}
    try:
        yield
    finally:
        _casts = None


def linear(states: Tensor, layers: Sequence[nn.Linear]) -> Tensor:
    """The outputs of layers with the same input side by side: [..., d] → [..., Σ widths].

    In the precision of autocast, where it is enabled; gradients of weights in that of the weights.

    Raises:
        TypeError: without autocast, states and weights have different types.
    """
    weights, biases = zip(*((layer.weight, layer.bias) for layer in layers), strict=True)
    if not torch.is_autocast_enabled("cpu") and states.dtype != weights[0].dtype:
        raise TypeError(f"a product of {states.dtype} with weights in {weights[0].dtype}")
    output: Tensor = _Linear.apply(  # type: ignore[no-untyped-call]
        states, precision_of(states), *weights, *biases
    )
    return output


class _Linear(Function):
    """states · weightsᵀ + biases, with its gradient."""

    @staticmethod
    def forward(ctx: Any, states: Tensor, dtype: torch.dtype, *parameters: Tensor) -> Tensor:
        weights, biases = parameters[: len(parameters) // 2], parameters[len(parameters) // 2 :]
        rows = states.reshape(-1, states.shape[-1]).to(dtype)
        weight = _cast(weights, dtype)
        needed = rows if any(ctx.needs_input_grad[2:]) else None
        # without a cast not the joined copy, which would stay until the backward pass
        ctx.save_for_backward(needed, *(weights if weights[0].dtype == dtype else [weight]))
        ctx.input_shape, ctx.input_dtype = states.shape, states.dtype
        ctx.widths, ctx.parameter_dtype = list(map(len, weights)), weights[0].dtype
        output = product(rows, weight, _joined(biases, dtype))
        return output.view(*states.shape[:-1], len(weight))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_output: Tensor) -> tuple[Tensor | None, ...]:
        rows, *weights = ctx.saved_tensors
        weight = _joined(weights, grad_output.dtype)
        grad = grad_output.reshape(-1, len(weight))
        of_states: Tensor | None = None
        of_parameters: list[Tensor | None] = [None] * (2 * len(ctx.widths))
        if ctx.needs_input_grad[0]:
            of_states = product(grad, weight.t()).view(ctx.input_shape).to(ctx.input_dtype)
        if rows is not None:
            of_weights = torch.mm(grad.t(), rows).to(ctx.parameter_dtype)
            # not in the type of the parameters: a sum in bf16 adds in fp32 without copying
            of_biases = grad.sum(0).to(ctx.parameter_dtype)
            parts = (torch.split(of_all, ctx.widths) for of_all in (of_weights, of_biases))
            of_parameters = list(chain.from_iterable(parts))
        return (of_states, None, *of_parameters)


def product(rows: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """[n, d], [width, d] → [n, width]: rows · weightᵀ + bias."""
    if rows.device.type == "cpu" and uses_onednn(rows.dtype):
        return _by_onednn(rows, weight, bias)
    return functional.linear(rows, weight, bias)


@cache
def uses_onednn(dtype: torch.dtype) -> bool:
    """Whether products of this type are by oneDNN on this machine's CPU."""
    if not hasattr(torch.ops.mkldnn, "_linear_pointwise"):  # not in every build of torch
        return False
    if dtype == torch.bfloat16:
        return bool(has_fast_bf16())
    return dtype == torch.float32 and has_avx512_and_is_not_intel()


def _by_onednn(rows: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    output: Tensor = torch.ops.mkldnn._linear_pointwise(rows, weight, bias, "none", [], "")
    return output


def _cast(weights: Sequence[Tensor], dtype: torch.dtype) -> Tensor:
    """The weights below one another, in the type of a product."""
    if _casts is None or weights[0].dtype == dtype:
        return _joined(weights, dtype)
    key = tuple(weight.data_ptr() for weight in weights)
    with _lock:
        if key not in _casts:
            _casts[key] = _joined(weights, dtype)
        return _casts[key]


def _joined(parts: Sequence[Tensor], dtype: torch.dtype) -> Tensor:
    """The parts below one another, in another type."""
    if len(parts) == 1:
        return parts[0].to(dtype)
    shape = (sum(map(len, parts)), *parts[0].shape[1:])
    return torch.cat(list(parts), out=torch.empty(shape, dtype=dtype, device=parts[0].device))
