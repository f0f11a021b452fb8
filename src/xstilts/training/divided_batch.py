"""A batch that is divided over processes: which examples each has, and the sum of gradients.

Every process computes the gradients of its examples with the normaliser of the batch, and the sum
over processes is the gradient of the batch: equal to that of one process up to the order in which
floating-point numbers are added. Every process then takes the same optimizer step, so that all have
the same weights, bit for bit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import torch
from torch import Tensor, nn

from xstilts.core.errors import XstiltsError
from xstilts.core.out_of_memory import is_out_of_memory
from xstilts.formats.base import Feature
from xstilts.training.batching import length_groups
from xstilts.training.process_group import ProcessGroup, sum_of

Result = TypeVar("Result")
BUCKET = 1 << 23
"""Numbers that are summed together: smaller gradients are joined, larger ones sent alone."""


class DifferentWeights(XstiltsError):
    """The processes of a training no longer have the same weights."""

    exit_code = 3


def rows_of_ranks(features: Sequence[Feature], size: int) -> list[list[int]]:
    """The examples of each process, with about equal numbers of sub-words.

    A process has none if the batch has fewer examples than there are processes.
    """
    if size == 1:
        return [list(range(len(features)))]
    sizes = [
        sum(len(text.ids) for text in feature.texts) + feature.image_tokens for feature in features
    ]
    groups = [sorted(rows) for rows in length_groups(sizes, size)]
    return groups + [[] for _ in range(size - len(groups))]


def together(group: ProcessGroup, compute: Callable[[], Result]) -> Result:
    """What this process computes, if memory suffices in all of them.

    Raises:
        MemoryError: memory is exhausted in one of them.
    """
    if group.size == 1:
        return compute()
    results: list[Result] = []
    try:
        results.append(compute())
    except Exception as error:
        if not is_out_of_memory(error):
            raise
    # after the handler, because the error's traceback keeps the activations in memory
    if sum_of(group, int(not results)):
        raise MemoryError("out of memory in a process of this training")
    return results[0]


def sum_gradients(group: ProcessGroup, parameters: Sequence[nn.Parameter], loss: float) -> float:
    """Sum gradients over processes, in place; return the sum of the losses.

    A parameter that no process has a gradient for keeps none.
    """
    if group.size == 1:
        return loss
    numbers = [0.0 if value.grad is None else 1.0 for value in parameters]
    facts = torch.tensor([loss, *numbers], dtype=torch.float64)
    group.add(facts)
    total, *counts = facts.tolist()
    small: list[Tensor] = []
    for parameter, count in zip(parameters, counts, strict=True):
        if not count:
            continue
        if parameter.grad is None:
            parameter.grad = torch.zeros_like(parameter)
        parameter.grad = parameter.grad.contiguous()
        if parameter.grad.numel() >= BUCKET:
            group.add(parameter.grad)
            continue
        if sum(grad.numel() for grad in small) + parameter.grad.numel() > BUCKET:
            _sum_joined(group, small)
            small = []
        small.append(parameter.grad)
    _sum_joined(group, small)
    return float(total)


def _sum_joined(group: ProcessGroup, gradients: Sequence[Tensor]) -> None:
    if not gradients:
        return
    joined = torch.cat([gradient.flatten() for gradient in gradients])
    group.add(joined)
    pieces = torch.split(joined, [gradient.numel() for gradient in gradients])
    for gradient, piece in zip(gradients, pieces, strict=True):
        gradient.copy_(piece.view_as(gradient))


@torch.no_grad()
def check_equal_weights(group: ProcessGroup, model: nn.Module, step: int) -> None:
    """Check that the weights are the same, bit for bit, in all processes.

    Raises:
        DifferentWeights: they are not, in all processes.
    """
    if group.size == 1:
        return
    named = [(name, value) for name, value in model.named_parameters() if value.requires_grad]
    sums = torch.stack([_bit_sum(value) for _, value in named]).cpu()
    totals = sums.clone()
    group.add(totals)
    differ = (totals != sums * group.size).long()  # int64 sums wrap the same way
    group.add(differ)
    if differ.any():
        name = named[int(differ.nonzero()[0])][0]
        raise DifferentWeights(
            f"the processes of this training have different weights after step {step}: {name}",
            todo="use devices of one model; run again without --devices-per-stage",
        )


def _bit_sum(value: Tensor) -> Tensor:
    """The sum of a tensor's bits as integers, which every change of one number changes."""
    return value.detach().float().contiguous().view(torch.int32).sum(dtype=torch.int64)
