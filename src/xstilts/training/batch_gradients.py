"""Gradients of a batch: in slices that fit into memory, and in shards for the cores of a CPU.

**Whole batches.** A loss that compares the examples of a batch with one another is no sum over
slices. Its gradients are computed in two passes: the vectors of all slices without their
activations; the loss of all vectors and its gradient with respect to them; then every slice again,
with the same dropout, backwards from the gradient of its vectors. By the chain rule the sum over
slices is the gradient of the batch in one piece. Source: GradCache (Gao et al. 2021).

**Several processes.** Each computes the gradients of its own examples (`training.divided_batch`).
For a loss of whole batches, the vectors of all processes are exchanged between the two passes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import torch
from torch import Tensor, nn

from xstilts.training.batch_loss import BatchLoss, Rows
from xstilts.training.data_parallel_cpu import add_gradients, balanced_shards, map_shards
from xstilts.training.divided_batch import rows_of_ranks, together
from xstilts.training.out_of_memory import RandomState, split
from xstilts.training.process_group import SINGLE, ProcessGroup


@dataclass(frozen=True)
class BatchGradients:
    """Accumulates the gradients of a batch in parameters.

    Args:
        loss: of the batch.
        parameters: those that are trained.
        sharded: whether several threads can run the model.
        group: the processes that divide the batch.
    """

    loss: BatchLoss
    parameters: Sequence[nn.Parameter]
    sharded: bool
    group: ProcessGroup = SINGLE

    @cached_property
    def _rows(self) -> list[list[int]]:
        """The examples of each process."""
        return rows_of_ranks(self.loss.features, self.group.size)

    @property
    def examples(self) -> int:
        """The largest number of examples of a process."""
        return max(map(len, self._rows))

    def add(self, slices: int) -> float:
        """Accumulate the gradients of this process in slices; return its part of the loss.

        Raises:
            MemoryError: memory is exhausted in one of the processes; then in all of them.
        """
        parts = split(self._rows[self.group.rank], slices)
        if not self.loss.training.whole_batch:
            return together(self.group, partial(self._add_parts, parts, self.loss.of_rows))
        if self.group.size == 1 and len(parts) == 1 and len(self._shards(parts[0])) == 1:
            return backward(self.loss.of_vectors(self.loss.vectors(parts[0])))
        return self._add_in_two_passes(parts)

    def _add_parts(self, parts: Sequence[Rows], loss_of: Callable[[Rows], Tensor]) -> float:
        return sum(self._add_slice(rows, loss_of) for rows in parts)

    def _add_in_two_passes(self, parts: Sequence[Rows]) -> float:
        states, pieces = list[RandomState](), list[Tensor]()

        def first_pass() -> None:
            for rows in parts:
                states.append(RandomState.current(self.loss.device))
                pieces.append(self._vectors(rows))

        together(self.group, first_pass)
        vectors = self._of_all_processes(pieces).requires_grad_()
        loss = backward(self.loss.of_vectors(vectors))
        gradient = vectors.grad
        assert gradient is not None

        def product(rows: Rows) -> Tensor:
            """A scalar whose gradient with respect to the vectors is that of the loss."""
            return (self.loss.vectors(rows) * gradient[list(rows)]).sum()

        def second_pass() -> None:
            for rows, state in zip(parts, states, strict=True):
                state.restore()  # the same dropout; after the last slice, the state after one pass
                self._add_slice(rows, product)

        together(self.group, second_pass)
        return loss if self.group.rank == 0 else 0.0

    def _of_all_processes(self, pieces: Sequence[Tensor]) -> Tensor:
        """[b, k, width] the vectors of the batch from those of this process, [n, k, width] each."""
        if self.group.size == 1:
            return torch.cat(list(pieces))
        shapes = self.group.gather(list(pieces[0].shape[1:]) if pieces else None)
        shape = next(shape for shape in shapes if shape)
        vectors = torch.zeros(len(self.loss.features), *shape, device=self.loss.device)
        if pieces:
            vectors[self._rows[self.group.rank]] = torch.cat(list(pieces))
        self.group.add(vectors)
        return vectors

    def _shards(self, rows: Rows) -> list[list[int]]:
        if not self.sharded:
            return [list(rows)]
        features = [self.loss.features[row] for row in rows]
        shards = balanced_shards(features, tied=self.loss.training.tied)
        return [[rows[number] for number in shard] for shard in shards]

    def _add_slice(self, rows: Rows, loss_of: Callable[[Rows], Tensor]) -> float:
        shards = self._shards(rows)
        if len(shards) > 1:
            return add_gradients(self.parameters, shards, loss_of)
        return backward(loss_of(rows))

    def _vectors(self, rows: Rows) -> Tensor:
        """[n, k, width] the vectors of a slice without their activations.

        Gradients stay enabled, so that torch chooses the same kernels as in the second pass.
        """
        shards = self._shards(rows)
        if len(shards) == 1:
            return self.loss.vectors(rows).detach()
        pieces = map_shards(shards, lambda shard: self.loss.vectors(shard).detach())
        order = torch.tensor([row for shard in shards for row in shard]).argsort()
        return torch.cat(pieces)[order.to(self.loss.device)]


def backward(loss: Tensor) -> float:
    """Accumulate the gradients of a loss; return it."""
    loss.backward()  # type: ignore[no-untyped-call]
    return float(loss.detach())
