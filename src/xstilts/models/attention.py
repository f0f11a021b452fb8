"""Attention inside each text of a packed batch, forwards and backwards.

On a CPU texts of similar length are attended to together. The gradient is written out: torch's
own would fill a whole row with zeros for every group and copy each matrix several times.
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
    """Attention inside each text: [1, heads, n, d] thrice → [1, n, heads, d].

    An attention function as transformers' AttentionInterface wants it.
    """
    share = float(settings.get("dropout", 0.0))
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    rows = tuple(part[0].transpose(0, 1) for part in (query, key, value))
    way = jagged if query.is_cuda else grouped
    return way(rows, layout, scale, share)[None], None


def grouped(rows: Sequence[Tensor], layout: Layout, scale: float, share: float) -> Tensor:
    """[n, heads, d] thrice → the same, group by group: for a CPU."""
    found: Tensor = _Grouped.apply(*rows, layout, scale, share)  # type: ignore[no-untyped-call]
    return found


class _Grouped(Function):
    """softmax(scale · query keyᵀ), dropped, times value, with its gradient."""

    @staticmethod
    def forward(
        ctx: Any,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        layout: Layout,
        scale: float,
        share: float,
    ) -> Tensor:
        spread = [_spread(part, layout) for part in (query, key, value)]
        result, kept, needed = (
            torch.empty_like(spread[2]),
            list[Tensor](),
            any(ctx.needs_input_grad),
        )
        for group, (ours, theirs, values, found) in _by_group(layout, *spread, result):
            weights = _weights(ours, theirs, group, scale)
            drawn = dropout_mask(weights, share) if share else None
            torch.bmm(weights if drawn is None else weights * drawn, values, out=found)
            kept += [part for part in (weights, drawn) if needed and part is not None]
        if needed:
            ctx.save_for_backward(*spread, *kept)
        ctx.layout, ctx.scale, ctx.each = layout, scale, 2 if share else 1
        return result.index_select(0, layout.back).view(query.shape)

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor | None, ...]:
        layout, (query, key, value, *kept) = ctx.layout, ctx.saved_tensors
        given = _spread(slope, layout)
        if len(layout.empty):
            given.index_fill_(0, layout.empty, 0)
        slopes = [torch.empty_like(part) for part in (query, key, value)]
        parts = _by_group(layout, query, key, value, given, *slopes)
        for number, (_, (ours, theirs, values, wanted, *found)) in enumerate(parts):
            weights, *drawn = kept[ctx.each * number : ctx.each * (number + 1)]
            used = weights * drawn[0] if drawn else weights
            torch.bmm(used.transpose(1, 2), wanted, out=found[2])
            inner = torch.bmm(wanted, values.transpose(1, 2))
            inner = inner.mul_(drawn[0]) if drawn else inner
            inner = torch._softmax_backward_data(inner, weights, -1, weights.dtype)
            inner *= ctx.scale
            torch.bmm(inner, theirs, out=found[0])
            torch.bmm(inner.transpose(1, 2), ours, out=found[1])
        back = (part.index_select(0, layout.back).view(slope.shape) for part in slopes)
        return (*back, None, None, None)


def _spread(rows: Tensor, layout: Layout) -> Tensor:
    """[n, heads, d] → [p · heads, d], text by text and head by head, as groups lie."""
    return rows.reshape(-1, rows.shape[-1]).index_select(0, layout.out)


def _by_group(layout: Layout, *spread: Tensor) -> Iterator[tuple[LengthGroup, list[Tensor]]]:
    """Each group and its part [m · heads, t, d] of every spread tensor."""
    start = 0
    for group in layout.groups:
        shape = (group.texts * layout.heads, group.longest, spread[0].shape[-1])
        end = start + shape[0] * shape[1]
        yield group, [part[start:end].view(shape) for part in spread]
        start = end


def _weights(query: Tensor, key: Tensor, group: LengthGroup, scale: float) -> Tensor:
    """[m · heads, t, d] twice → [m · heads, t, t] attention weights, 0 for padding."""
    keys = key.transpose(1, 2)
    if group.bias is None:
        scores = torch.baddbmm(query.new_zeros(()), query, keys, beta=0, alpha=scale)
    else:
        scores = torch.baddbmm(group.bias.to(query.dtype), query, keys, alpha=scale)
    return scores.softmax(-1)


def jagged(rows: Sequence[Tensor], layout: Layout, scale: float, share: float) -> Tensor:
    """[n, heads, d] thrice → the same, by torch's kernels for nested tensors: for a GPU."""
    query, key, value = (
        torch.nested.nested_tensor_from_jagged(
            part.contiguous(), layout.offsets, min_seqlen=1, max_seqlen=layout.longest
        ).transpose(1, 2)
        for part in rows
    )
    found = functional.scaled_dot_product_attention(query, key, value, dropout_p=share, scale=scale)
    values: Tensor = found.transpose(1, 2).values()
    return values


AttentionInterface.register(NAME, attend)
