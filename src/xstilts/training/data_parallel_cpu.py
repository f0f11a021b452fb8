"""Data parallelism on the cores of a CPU: the gradients of a batch are computed in shards.

Every shard has its own dropout seed, and gradients are added in the order of the shards, so that a
step is bitwise equal for any number of cores.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import torch
from torch import Tensor, nn

from xstilts.core.cpu import parallel_map
from xstilts.formats.base import Feature
from xstilts.models.fast_dropout import use_generator
from xstilts.models.fast_linear import shared_casts
from xstilts.training.batching import length_groups
from xstilts.training.ordered_gradients import OrderedGradients

Shard = TypeVar("Shard")
Result = TypeVar("Result")
SHARD = 512
"""Minimum mean number of tokens of a shard: enough for a core's full speed of matrix products."""
TIED = 2048
"""The same for three shards or more with tied embeddings, where each has a gradient of the size of
the vocabulary. Two cores gain more by two shards than the second gradient costs."""


def balanced_shards(features: Sequence[Feature], *, tied: bool = False) -> Iterator[list[int]]:
    """Yield positions of features by length, in shards of about equal numbers of tokens.

    The number of shards is a power of two, so that 2, 4, 8 … cores are evenly used.
    """
    sizes = [
        sum(len(text.ids) for text in feature.texts) + feature.image_tokens for feature in features
    ]
    most = sum(sizes) // SHARD
    if tied:
        most = max(min(2, most), sum(sizes) // TIED)
    most = max(1, min(len(features), most))
    yield from length_groups(sizes, 1 << (most.bit_length() - 1))


def map_shards(shards: Sequence[Shard], compute: Callable[[Shard], Result]) -> list[Result]:
    """Return the result of each shard, with the dropout that `add_gradients` would draw."""
    return list(parallel_map(_with_dropout_seeds(shards, compute), range(len(shards))))


def _with_dropout_seeds(
    shards: Sequence[Shard], compute: Callable[[Shard], Result]
) -> Callable[[int], Result]:
    """Draw a dropout seed for every shard; return the function of a shard's number."""
    seeds = torch.randint(2**62, (len(shards),)).tolist()

    def of_shard(number: int) -> Result:
        with use_generator(torch.Generator().manual_seed(seeds[number])):
            return compute(shards[number])

    return of_shard


def add_gradients(
    parameters: Sequence[nn.Parameter],
    shards: Sequence[Shard],
    loss_of: Callable[[Shard], Tensor],
) -> float:
    """Accumulate the gradients of the shards' losses in the parameters; return the total loss."""
    shard_loss = _with_dropout_seeds(shards, loss_of)
    with OrderedGradients(parameters) as gradients, shared_casts():

        def backward_of(number: int) -> float:
            with gradients.shard(number):
                loss = shard_loss(number)
                loss.backward()  # type: ignore[no-untyped-call]
                return float(loss.detach())

        return sum(parallel_map(backward_of, range(len(shards)), ahead=0))
