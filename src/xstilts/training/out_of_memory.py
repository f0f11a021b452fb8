"""Out of memory in training and evaluation: the same examples in smaller parts.

**Training.** If a step runs out of memory, its gradients are dropped, the random state of the step
is restored, every slice of the batch is halved, and the step is repeated: the same examples and
the same normalisation of the loss. From this step on the run is, bit for bit, that of a recipe with
twice the `gradient_accumulation_steps`. Without dropout it also equals the run with enough memory
up to the order in which floating-point numbers are added; with dropout the masks differ and have
the same distribution. A batch can be sliced anywhere: losses are sums over targets
(`TrainingSpec.loss`), and those that compare examples are computed in two passes
(`training.batch_gradients`).

**Evaluation.** A batch is read in parts; each prediction and vector depends on its example alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor

from xstilts.core.notices import notice
from xstilts.core.out_of_memory import OutOfMemory, is_out_of_memory

Result = TypeVar("Result")


@dataclass(frozen=True)
class RandomState:
    """States of torch's generators: of the CPU, and of the GPU if one is used."""

    cpu: Tensor
    cuda: Tensor | None

    @classmethod
    def current(cls, device: torch.device) -> RandomState:
        """The states now."""
        cuda = torch.cuda.get_rng_state() if device.type == "cuda" else None
        return cls(torch.get_rng_state(), cuda)

    def restore(self) -> None:
        """Set the generators to these states."""
        torch.set_rng_state(self.cpu)
        if self.cuda is not None:
            torch.cuda.set_rng_state(self.cuda)


def in_smaller_slices(
    backward: Callable[[int], float],
    slices: int,
    examples: int,
    device: torch.device,
    drop_gradients: Callable[[], None],
) -> tuple[float, int]:
    """Return the loss of a batch, and the number of slices in which it fits into memory.

    Args:
        backward: number of slices → loss; accumulates gradients.
        slices: number to begin with; doubled until the batch fits.
        examples: size of the batch.

    Raises:
        OutOfMemory: a slice of one example does not fit.
    """
    state = RandomState.current(device)
    while True:
        try:
            return backward(slices), slices
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            if slices >= examples:
                raise OutOfMemory("one training example does not fit into memory") from error
        # after the handler, because the error's traceback keeps the activations in memory
        drop_gradients()
        free_memory()
        state.restore()
        slices *= 2


@dataclass
class BatchReader:
    """Reads evaluation batches in parts if they do not fit into memory.

    Args:
        parts: number of parts; raised when memory is exhausted, and kept for later batches.
    """

    parts: int = 1

    def read(
        self, read: Callable[[list[int]], Result], indices: list[int]
    ) -> list[tuple[list[int], Result]]:
        """Return the indices and the result of each part of a batch.

        Raises:
            OutOfMemory: a part of one example does not fit.
        """
        parts = self.parts
        while True:
            try:
                return [(part, read(part)) for part in split(indices, parts)]
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                if parts >= len(indices):
                    raise OutOfMemory("one example does not fit into memory") from error
            free_memory()
            parts *= 2
            if parts > self.parts:  # unless another thread was first
                self.parts = parts
                notice(f"out of memory: evaluation batches are read in {parts} parts")


def split(items: Sequence[int], parts: int) -> list[list[int]]:
    """Split items into at most `parts` consecutive parts of equal size; the last may be smaller."""
    size = max(1, -(-len(items) // parts))
    return [list(items[start : start + size]) for start in range(0, len(items), size)]


def free_memory() -> None:
    """Return unused memory of a GPU to its driver, so that it is not fragmented."""
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
