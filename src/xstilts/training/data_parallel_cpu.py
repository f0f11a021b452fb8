"""A batch in shards, whose gradients the cores of a CPU compute at the same time.

A shard's dropout has a seed of its own and gradients are added up in the order of the shards, so
a step is the same to the last bit on any number of cores.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor, nn

from xstilts.core.cpu import core_limit, parallel_map
from xstilts.formats.base import Feature
from xstilts.models.fast_dropout import use_generator
from xstilts.training.batching import length_groups

SHARD = 512
"""Sub-words of a shard, at least on average: enough for a core's full rate of matrix products."""
TIED = 2048
"""The same where each shard's gradient is as large as the whole vocabulary."""


def balanced_shards(features: Sequence[Feature], *, tied: bool = False) -> Iterator[list[Feature]]:
    """The features by length, in parts of about as many sub-words each.

    There are 1, 2, 4, 8 … of them, which as many cores share evenly.
    """
    sizes = [sum(len(text.ids) for text in feature.texts) for feature in features]
    most = max(1, min(len(features), sum(sizes) // (TIED if tied else SHARD)))
    for part in length_groups(sizes, 1 << (most.bit_length() - 1)):
        yield [features[place] for place in part]


def add_gradients(
    parameters: Sequence[nn.Parameter],
    parts: Sequence[list[Feature]],
    loss_of: Callable[[list[Feature]], Tensor],
) -> float:
    """Add the gradients of the parts' losses to the parameters'; returns the sum of losses.

    If there are several cores, each needs memory for gradients of its own.
    """
    seeds = torch.randint(2**62, (len(parts),)).tolist()

    def loss_at(number: int) -> Tensor:
        with use_generator(torch.Generator().manual_seed(seeds[number])):
            return loss_of(parts[number])

    def alone(number: int) -> float:
        loss = loss_at(number)
        loss.backward()  # type: ignore[no-untyped-call]
        return float(loss.detach())

    def slopes(number: int) -> tuple[float, tuple[Tensor | None, ...]]:
        loss = loss_at(number)
        return float(loss.detach()), torch.autograd.grad(loss, parameters, allow_unused=True)

    if core_limit() == 1:
        return sum(map(alone, range(len(parts))))
    summed = 0.0
    for loss, found in parallel_map(slopes, range(len(parts)), ahead=0):
        summed += loss
        for parameter, slope in zip(parameters, found, strict=True):
            _add(parameter, slope)
        del found, slope  # before the next ones are there
    return summed


def _add(parameter: nn.Parameter, slope: Tensor | None) -> None:
    """What torch's own accumulation does, in the same order of additions."""
    if slope is None:
        return
    if parameter.grad is None:
        parameter.grad = slope.clone()  # it may be another's as well
    else:
        parameter.grad += slope
