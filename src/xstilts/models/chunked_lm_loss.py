"""Cross-entropy and argmax over a vocabulary in chunks, without storing all logits.

A batch has thousands of masked tokens and an encoder up to 250,000 vocabulary entries: gigabytes
of logits. They are computed for a chunk of positions and a chunk of vocabulary rows at a time.
A pair of chunks takes three products: the logits, and the contributions to the gradients of the
hidden states and of the rows. The first two are computed while the logits are in the CPU cache,
relative to the maximum so far; sums are rescaled when the maximum grows (online softmax). The
loss is a sum, so its gradient is known up to one factor during the forward pass, and no product
is computed twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from xstilts.models.defined_logits import check_defined

ON_CPU, ELSEWHERE = (256, 2048), (1024, 65_536)
"""Positions and vocabulary rows in a chunk. The exponentials of one chunk of positions are kept
for all rows (256 or 1024 times the vocabulary for any batch size); on a CPU a chunk is 2 MB."""


@dataclass(frozen=True)
class TiedLogits:
    """Lazy logits of a head with tied embeddings: hidden @ embeddings.T + bias.

    Args:
        hidden: [n, width] one vector per position, in the precision of the products; sums and
            exponentials use at least float32.
        embeddings: [v, width] the embedding matrix.
        bias: [v].
    """

    hidden: Tensor
    embeddings: Tensor
    bias: Tensor

    @property
    def precision(self) -> torch.dtype:
        """Precision of sums and exponentials."""
        return torch.promote_types(self.hidden.dtype, torch.float32)

    def chunks(self) -> tuple[list[slice], list[slice]]:
        """Return the chunks of positions, and of rows."""
        positions, rows = ON_CPU if self.hidden.device.type == "cpu" else ELSEWHERE
        return _slices(len(self.hidden), positions), _slices(len(self.embeddings), rows)

    def at(self, positions: slice) -> TiedLogits:
        """Return the lazy logits of some positions."""
        return replace(self, hidden=self.hidden[positions])

    def for_rows(self, rows: slice, buffer: Tensor) -> Tensor:
        """Compute the logits of some vocabulary rows, [n, rows], in a sufficiently large buffer."""
        bias = self.bias[rows]
        shape = len(self.hidden), len(bias)
        logits = buffer[: shape[0] * shape[1]].view(shape).copy_(bias)
        return _add_product(logits, self.hidden, self.embeddings[rows].T, self.hidden.dtype)


def autocast(hidden: Tensor) -> Tensor:
    """Convert to the precision of products under autocast, if it is enabled."""
    kind = hidden.device.type
    return hidden.to(torch.get_autocast_dtype(kind)) if torch.is_autocast_enabled(kind) else hidden


def cross_entropy(logits: TiedLogits, targets: Tensor) -> Tensor:
    """Summed cross-entropy with targets [n]. Its `backward` can be called once."""
    arguments = (logits.hidden, logits.embeddings, logits.bias, targets)
    loss: Tensor = _CrossEntropy.apply(*arguments)  # type: ignore[no-untyped-call]
    return loss


@torch.no_grad()
def argmax(logits: TiedLogits) -> Tensor:
    """Return the row of the largest logit of each position, [n]; ties by row.

    Raises:
        UndefinedLogits: some logits are NaN or infinity.
    """
    result = torch.zeros(len(logits.hidden), dtype=torch.long, device=logits.hidden.device)
    position_chunks, row_chunks = logits.chunks()
    buffer = _buffers(logits, position_chunks[:1], row_chunks[:1])[0]
    for positions in position_chunks:
        chunk, best = logits.at(positions), result[positions]
        top = torch.full(best.shape, -torch.inf, dtype=logits.precision, device=best.device)
        for rows in row_chunks:
            largest, row = chunk.for_rows(rows, buffer).max(1)
            best.copy_(torch.where(largest > top, row + rows.start, best))
            top = torch.maximum(top, largest)
        check_defined(top)
    return result


class _CrossEntropy(torch.autograd.Function):
    """Summed loss; `forward` also computes the gradients, and `backward` returns them."""

    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, embeddings: Tensor, bias: Tensor, targets: Tensor
    ) -> Tensor:
        logits = TiedLogits(hidden, embeddings, bias)
        inputs = (hidden, embeddings, bias)
        ctx.dtypes = tuple(tensor.dtype for tensor in inputs)
        trained = (hidden, embeddings if ctx.needs_input_grad[1] else embeddings[:0], bias)
        ctx.grads = [torch.zeros_like(tensor, dtype=logits.precision) for tensor in trained]
        grads = TiedLogits(*ctx.grads)
        position_chunks, row_chunks = logits.chunks()
        buffers = _buffers(logits, position_chunks[:1], row_chunks)
        chunks = list(zip(row_chunks, buffers, strict=True))
        loss = torch.zeros((), dtype=logits.precision, device=hidden.device)
        for positions in position_chunks:
            loss += _chunk_loss(
                logits.at(positions), targets[positions], grads.at(positions), chunks
            )
        return loss

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, factor: Tensor) -> tuple[Tensor | None, ...]:
        if not ctx.grads:
            raise RuntimeError("backward of this loss can be called only once")
        grads, ctx.grads = ctx.grads, []  # not copied: they become the gradients of parameters
        scaled = [grad.mul_(factor).to(kind) for grad, kind in zip(grads, ctx.dtypes, strict=True)]
        return scaled[0], scaled[1] if ctx.needs_input_grad[1] else None, scaled[2], None


def _chunk_loss(
    logits: TiedLogits,
    targets: Tensor,
    grads: TiedLogits,
    chunks: Sequence[tuple[slice, Tensor]],
) -> Tensor:
    """Return the loss of a chunk of positions, and add its gradients to `grads`.

    Args:
        grads: without rows of embeddings if these are frozen.
        chunks: chunks of vocabulary rows and their buffers.

    The softmax is exp(logit - top) / total with the final top and total. Exponentials are stored
    with the top at the time they were computed.
    """
    dtype, grad_hidden = logits.hidden.dtype, grads.hidden
    total = torch.zeros(len(targets), 1, dtype=logits.precision, device=grad_hidden.device)
    top = torch.full_like(total, -torch.inf)
    stored = []
    for rows, buffer in chunks:
        exponentials = logits.for_rows(rows, buffer)
        before, top = top, torch.maximum(top, exponentials.amax(1, keepdim=True))
        exponentials.sub_(top).exp_()
        rescale = (before - top).exp_()
        total.mul_(rescale).add_(exponentials.sum(1, keepdim=True))
        _add_product(grad_hidden.mul_(rescale), exponentials, logits.embeddings[rows], dtype)
        stored.append((rows, exponentials, top))
    grad_hidden.div_(total)
    normaliser = total.log().add_(top)
    for rows, exponentials, top_then in stored:
        weight = (top_then - normaliser).exp_()
        if len(grads.embeddings):
            _add_product(grads.embeddings[rows], exponentials.T, logits.hidden * weight, dtype)
        grads.bias[rows].addmv_(exponentials.T, weight[:, 0])
    return normaliser.sum() - _target_logits(logits, targets, grads).sum()


def _target_logits(logits: TiedLogits, targets: Tensor, grads: TiedLogits) -> Tensor:
    """Return the logits of the targets, [n], and subtract their gradients."""
    hidden = logits.hidden.to(logits.precision)
    rows = logits.embeddings[targets].to(logits.precision)
    grads.hidden.sub_(rows)
    if len(grads.embeddings):
        grads.embeddings.index_add_(0, targets, hidden, alpha=-1)
    grads.bias.index_add_(0, targets, torch.ones_like(hidden[:, 0]), alpha=-1)
    return (hidden * rows).sum(1) + logits.bias[targets]


def _add_product(total: Tensor, left: Tensor, right: Tensor, dtype: torch.dtype) -> Tensor:
    """Add a product, computed in `dtype`, to a total of another precision, in place."""
    if total.dtype == dtype:
        return total.addmm_(left, right)
    return total.add_(left.to(dtype) @ right.to(dtype))


def _buffers(logits: TiedLogits, positions: Sequence[slice], rows: Sequence[slice]) -> list[Tensor]:
    """Allocate a buffer for the logits of a chunk of positions, for each chunk of rows."""
    count = positions[0].stop if positions else 0
    return [
        logits.hidden.new_empty(count * (chunk.stop - chunk.start), dtype=logits.precision)
        for chunk in rows
    ]


def _slices(count: int, size: int) -> list[slice]:
    return [slice(start, min(start + size, count)) for start in range(0, count, size)]
