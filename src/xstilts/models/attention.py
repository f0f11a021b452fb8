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
    attention = jagged if query.is_cuda else grouped
    return attention(rows, layout, scale, dropout)[None], None


def grouped(rows: Sequence[Tensor], layout: Layout, scale: float, dropout: float) -> Tensor:
    """Attention by length group, for a CPU: query, key and value [n, heads, d] → [n, heads, d]."""
    output: Tensor = _Grouped.apply(*rows, layout, scale, dropout)  # type: ignore[no-untyped-call]
    return output


class _Grouped(Function):
    """dropout(softmax(scale · query keyᵀ)) value, with its gradient."""

    @staticmethod
    def forward(
        ctx: Any,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        layout: Layout,
        scale: float,
        dropout: float,
    ) -> Tensor:
        gathered = [_gather(states, layout) for states in (query, key, value)]
        result, saved = torch.empty_like(gathered[2]), list[Tensor]()
        needs_grad = any(ctx.needs_input_grad)
        for group, (queries, keys, values, output) in _by_group(layout, *gathered, result):
            weights = _attention_weights(queries, keys, group, scale, for_training=needs_grad)
            mask = dropout_mask(weights, dropout) if dropout else None
            torch.bmm(weights if mask is None else weights * mask, values, out=output)
            saved += [states for states in (weights, mask) if needs_grad and states is not None]
        if needs_grad:
            ctx.save_for_backward(*gathered, *saved)
        ctx.layout, ctx.scale, ctx.per_group = layout, scale, 2 if dropout else 1
        return result.index_select(0, layout.scatter).view(query.shape)

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple[Tensor | None, ...]:
        layout, (query, key, value, *saved) = ctx.layout, ctx.saved_tensors
        gathered = _gather(grad_output, layout)
        if len(layout.padding):
            gathered.index_fill_(0, layout.padding, 0)
        grads = [torch.empty_like(states) for states in (query, key, value)]
        groups = _by_group(layout, query, key, value, gathered, *grads)
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
        rows = (states.index_select(0, layout.scatter).view(grad_output.shape) for states in grads)
        return (*rows, None, None, None)


def _gather(rows: Tensor, layout: Layout) -> Tensor:
    """[n, heads, d] → [p · heads, d], in the order of the groups: text, head, token."""
    return rows.reshape(-1, rows.shape[-1]).index_select(0, layout.gather)


def _by_group(layout: Layout, *gathered: Tensor) -> Iterator[tuple[LengthGroup, list[Tensor]]]:
    """Yield each group with its view [m · heads, t, d] of every gathered tensor."""
    start = 0
    for group in layout.groups:
        shape = (group.texts * layout.heads, group.length, gathered[0].shape[-1])
        end = start + shape[0] * shape[1]
        yield group, [states[start:end].view(shape) for states in gathered]
        start = end


def _attention_weights(
    query: Tensor, key: Tensor, group: LengthGroup, scale: float, *, for_training: bool
) -> Tensor:
    """2 × [m · heads, t, d] → attention weights [m · heads, t, t], 0 for padding."""
    keys = key.transpose(1, 2)
    if group.bias is None:
        scores = torch.baddbmm(query.new_zeros(()), query, keys, beta=0, alpha=scale)
    else:
        scores = torch.baddbmm(group.bias.to(query.dtype), query, keys, alpha=scale)
    if for_training or scores.dtype != torch.bfloat16 or group.length % BF16_VECTOR == 0:
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
