"""Attention within each text of a packed batch, with its gradient.

On a CPU, the attention of texts of similar length is computed together. The gradient is
implemented explicitly: autograd would allocate a full row of zeros for every group and copy each
matrix several times.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function
from torch.autograd.function import once_differentiable
from torch.nn import functional
from transformers import AttentionInterface

from xstilts.models.fast_dropout import dropout_mask
from xstilts.models.packing import Layout, LengthGroup

NAME = "xstilts-packed"
BF16_VECTOR = 32
"""bf16 numbers in an AVX-512 register. torch's softmax in bf16 is several times slower than in fp32
for rows whose length is not a multiple of it."""


def attend(
    _module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    _mask: Tensor | None,
    *,
    layout: Layout,
    scaling: float | None = None,
    **settings: Any,
) -> tuple[Tensor, None]:
    """Attention within each text: 3 × [1, heads, n, d] → [1, n, heads, d].

    An attention function for transformers' AttentionInterface.
    """
    dropout = float(settings.get("dropout", 0.0))
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    rows = tuple(states[0].transpose(0, 1) for states in (query, key, value))
    if query.is_cuda:
        return jagged(rows, layout, scale, dropout)[None], None
    return grouped(torch.stack(rows, 1), layout, scale, dropout)[None], None


def grouped(states: Tensor, layout: Layout, scale: float, dropout: float) -> Tensor:
    """Attention by length group, for a CPU.

    Args:
        states: [rows, 3, heads, d] query, key and value.
        dropout: share of the attention weights.

    Returns:
        [rows, heads, d], zeros in rows that belong to no text.
    """
    output: Tensor = _Grouped.apply(states, layout, scale, dropout)  # type: ignore[no-untyped-call]
    return output


class _Grouped(Function):
    """dropout(softmax(scale · query keyᵀ)) value, with its gradient."""

    @staticmethod
    def forward(ctx: Any, states: Tensor, layout: Layout, scale: float, dropout: float) -> Tensor:
        gathered = _gather(states, layout.joint_gather)
        result, saved = torch.empty_like(gathered.chunk(3)[0]), list[Tensor]()
        needs_grad = any(ctx.needs_input_grad)
        for group, (queries, keys, values, output) in _by_group(layout, *gathered.chunk(3), result):
            weights = _attention_weights(queries, keys, group, scale)
            mask = dropout_mask(weights, dropout) if dropout else None
            torch.bmm(weights if mask is None else weights * mask, values, out=output)
            saved += [states for states in (weights, mask) if needs_grad and states is not None]
        if needs_grad:
            ctx.save_for_backward(gathered, *saved)
        ctx.layout, ctx.scale, ctx.per_group = layout, scale, 2 if dropout else 1
        return _scatter(result, layout.scatter, states[:, 0].shape)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_output: Tensor) -> tuple[Tensor | None, ...]:
        layout, (gathered, *saved) = ctx.layout, ctx.saved_tensors
        grad_result = _gather(grad_output, layout.gather)
        if len(layout.padding):
            grad_result.index_fill_(0, layout.padding, 0)
        grads = torch.empty_like(gathered)
        groups = _by_group(layout, *gathered.chunk(3), grad_result, *grads.chunk(3))
        for index, (_, (queries, keys, values, grad, *outputs)) in enumerate(groups):
            grad_query, grad_key, grad_value = outputs
            weights, *masks = saved[ctx.per_group * index : ctx.per_group * (index + 1)]
            dropped = weights * masks[0] if masks else weights
            torch.bmm(dropped.transpose(1, 2), grad, out=grad_value)
            grad_scores = torch.bmm(grad, values.transpose(1, 2))
            grad_scores = grad_scores.mul_(masks[0]) if masks else grad_scores
            grad_scores = torch._softmax_backward_data(grad_scores, weights, -1, weights.dtype)
            grad_scores *= ctx.scale
            torch.bmm(grad_scores, keys, out=grad_query)
            torch.bmm(grad_scores.transpose(1, 2), queries, out=grad_key)
        rows, heads, size = grad_output.shape
        return _scatter(grads, layout.joint_scatter, (rows, 3, heads, size)), None, None, None


def _gather(states: Tensor, index: Tensor) -> Tensor:
    """[rows, …, heads, d] → […, text, head, token; d], in the order of the groups."""
    return states.reshape(-1, states.shape[-1]).index_select(0, index)


def _scatter(gathered: Tensor, index: Tensor, shape: Sequence[int]) -> Tensor:
    """[…, text, head, token; d] → [rows, …, heads, d]; zeros in rows that belong to no text."""
    states = gathered.new_empty(shape)
    flat = states.view(-1, shape[-1])
    torch.index_select(gathered, 0, index, out=flat[: len(index)])
    flat[len(index) :].zero_()
    return states


def _by_group(layout: Layout, *gathered: Tensor) -> Iterator[tuple[LengthGroup, list[Tensor]]]:
    """Yield each group with its view [m · heads, t, d] of every gathered tensor."""
    start = 0
    for group in layout.groups:
        shape = (group.texts * layout.heads, group.length, gathered[0].shape[-1])
        end = start + shape[0] * shape[1]
        yield group, [states[start:end].view(shape) for states in gathered]
        start = end


def _attention_weights(query: Tensor, key: Tensor, group: LengthGroup, scale: float) -> Tensor:
    """2 × [m · heads, t, d] → attention weights [m · heads, t, t], 0 for padding."""
    keys = key.transpose(1, 2)
    if group.bias is None:
        scores = torch.baddbmm(query.new_zeros(()), query, keys, beta=0, alpha=scale)
    else:
        scores = torch.baddbmm(group.bias.to(query.dtype), query, keys, alpha=scale)
    if scores.dtype != torch.bfloat16 or group.length % BF16_VECTOR == 0:
        return scores.softmax(-1)
    return scores.softmax(-1, torch.float32).to(scores.dtype)


def jagged(rows: Sequence[Tensor], layout: Layout, scale: float, dropout: float) -> Tensor:
    """Attention by torch's nested tensors, for a GPU: as `grouped`."""
    query, key, value = (
        torch.nested.nested_tensor_from_jagged(
            states.contiguous(), layout.offsets, min_seqlen=1, max_seqlen=layout.max_length
        ).transpose(1, 2)
        for states in rows
    )
    output = functional.scaled_dot_product_attention(
        query, key, value, dropout_p=dropout, scale=scale
    )
    values: Tensor = output.transpose(1, 2).values()
    return values


AttentionInterface.register(NAME, attend)
