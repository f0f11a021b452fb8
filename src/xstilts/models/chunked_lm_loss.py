"""Logits over a vocabulary that are never written out: cross-entropy and arg max in chunks.

A batch has thousands of places and an encoder up to 250,000 sub-words: gigabytes of logits. They
are made for some places and some rows of the embedding matrix at a time. A chunk of places meets
each row in three products: its logits, the row's part in the gradient of the hidden states, and
theirs in the gradient of the row. The first two are made while the logits are in the processor's
cache, as if the largest so far were the largest of all; sums shrink when a larger one comes
(online softmax). The loss is a sum, so its gradient is known up to one factor while it is made,
and no product is made twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

ON_CPU, ELSEWHERE = (256, 2048), (1024, 65_536)
"""Places and rows in a chunk. The exponentials of one chunk of places are kept for all rows (256
or 1024 times the vocabulary, however large the batch); on a CPU a chunk is 2 MB."""


@dataclass(frozen=True)
class TiedLogits:
    """What a head gives that ends in the embedding matrix: hidden @ table.T + bias, not yet made.

    Args:
        hidden: [n, width] one vector per place, in the precision of the products; sums and
            exponentials are float32 at least.
        table: [v, width] the embedding matrix.
        bias: [v]
    """

    hidden: Tensor
    table: Tensor
    bias: Tensor

    @property
    def precision(self) -> torch.dtype:
        """That of sums and exponentials."""
        return torch.promote_types(self.hidden.dtype, torch.float32)

    def chunks(self) -> tuple[list[slice], list[slice]]:
        """The places, and the rows, that are worked on at a time."""
        places, rows = ON_CPU if self.hidden.device.type == "cpu" else ELSEWHERE
        return _slices(len(self.hidden), places), _slices(len(self.table), rows)

    def at(self, places: slice) -> TiedLogits:
        """Those of some places."""
        return replace(self, hidden=self.hidden[places])

    def of(self, rows: slice, room: Tensor) -> Tensor:
        """[n, rows] those of some rows, made in a room for at least as many numbers."""
        bias = self.bias[rows]
        found = room[: len(self.hidden) * len(bias)].view(len(self.hidden), len(bias)).copy_(bias)
        return _accumulate_product(found, self.hidden, self.table[rows].T, self.hidden.dtype)


def autocast(hidden: Tensor) -> Tensor:
    """In the precision that autocast, where it is on, gives to products."""
    kind = hidden.device.type
    return hidden.to(torch.get_autocast_dtype(kind)) if torch.is_autocast_enabled(kind) else hidden


def cross_entropy(logits: TiedLogits, targets: Tensor) -> Tensor:
    """Cross-entropy with targets [n], summed. Its gradients can be asked for once."""
    given = (logits.hidden, logits.table, logits.bias, targets)
    loss: Tensor = _CrossEntropy.apply(*given)  # type: ignore[no-untyped-call]
    return loss


@torch.no_grad()
def argmax(logits: TiedLogits) -> Tensor:
    """[n] the row of each place's largest logit, the first among equals."""
    found = torch.zeros(len(logits.hidden), dtype=torch.long, device=logits.hidden.device)
    all_places, all_rows = logits.chunks()
    room = _buffers(logits, all_places[:1], all_rows[:1])[0]
    for places in all_places:
        some, best = logits.at(places), found[places]
        top = torch.full(best.shape, -torch.inf, dtype=logits.precision, device=best.device)
        for rows in all_rows:
            largest, row = some.of(rows, room).max(1)
            best.copy_(torch.where(largest > top, row + rows.start, best))
            top = torch.maximum(top, largest)
    return found


class _CrossEntropy(torch.autograd.Function):
    """The summed loss; the gradients are made with it and handed out by `backward`."""

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, table: Tensor, bias: Tensor, targets: Tensor) -> Tensor:
        logits = TiedLogits(hidden, table, bias)
        ctx.given = tuple(one.dtype for one in (hidden, table, bias))
        ctx.made = [torch.zeros_like(one, dtype=logits.precision) for one in (hidden, table, bias)]
        gradients = TiedLogits(*ctx.made)
        all_places, all_rows = logits.chunks()
        rooms = list(zip(all_rows, _buffers(logits, all_places[:1], all_rows), strict=True))
        loss = torch.zeros((), dtype=logits.precision, device=hidden.device)
        for places in all_places:
            loss += _chunk(logits.at(places), targets[places], gradients.at(places), rooms)
        return loss

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, factor: Tensor) -> tuple[Tensor | None, ...]:
        if not ctx.made:
            raise RuntimeError("the gradients of this loss have been handed out")
        made, ctx.made = ctx.made, []  # not copied: they become the parameters' gradients
        scaled = (one.mul_(factor).to(kind) for one, kind in zip(made, ctx.given, strict=True))
        return (*scaled, None)


def _chunk(
    logits: TiedLogits,
    targets: Tensor,
    gradients: TiedLogits,
    rooms: Sequence[tuple[slice, Tensor]],
) -> Tensor:
    """The loss at a chunk of places; what they give to the gradients is added to these.

    The softmax is exp(logit - top) / total with the final top and total. Exponentials are kept
    with the top that was known when they were made.
    """
    kind, pulled = logits.hidden.dtype, gradients.hidden
    total = torch.zeros(len(targets), 1, dtype=logits.precision, device=pulled.device)
    top = torch.full_like(total, -torch.inf)
    kept = []
    for rows, room in rooms:
        powers = logits.of(rows, room)
        before, top = top, torch.maximum(top, powers.amax(1, keepdim=True))
        powers.sub_(top).exp_()
        shrunk = (before - top).exp_()
        total.mul_(shrunk).add_(powers.sum(1, keepdim=True))
        _accumulate_product(pulled.mul_(shrunk), powers, logits.table[rows], kind)
        kept.append((rows, powers, top))
    pulled.div_(total)
    normaliser = total.log().add_(top)
    for rows, powers, then in kept:
        weight = (then - normaliser).exp_()
        _accumulate_product(gradients.table[rows], powers.T, logits.hidden * weight, kind)
        gradients.bias[rows].addmv_(powers.T, weight[:, 0])
    return normaliser.sum() - _target_logits(logits, targets, gradients).sum()


def _target_logits(logits: TiedLogits, targets: Tensor, gradients: TiedLogits) -> Tensor:
    """[n] the logits of the targets, whose gradients are taken off."""
    hidden, rows = (one.to(logits.precision) for one in (logits.hidden, logits.table[targets]))
    gradients.hidden.sub_(rows)
    gradients.table.index_add_(0, targets, hidden, alpha=-1)
    gradients.bias.index_add_(0, targets, torch.ones_like(hidden[:, 0]), alpha=-1)
    return (hidden * rows).sum(1) + logits.bias[targets]


def _accumulate_product(total: Tensor, left: Tensor, right: Tensor, kind: torch.dtype) -> Tensor:
    """Add a product, made in some precision, to a total in its own."""
    if total.dtype == kind:
        return total.addmm_(left, right)
    return total.add_(left.to(kind) @ right.to(kind))


def _buffers(logits: TiedLogits, places: Sequence[slice], rows: Sequence[slice]) -> list[Tensor]:
    """Room for the logits of a chunk of places, one for each chunk of rows."""
    count = places[0].stop if places else 0
    return [
        logits.hidden.new_empty(count * (part.stop - part.start), dtype=logits.precision)
        for part in rows
    ]


def _slices(count: int, size: int) -> list[slice]:
    return [slice(start, min(start + size, count)) for start in range(0, count, size)]
