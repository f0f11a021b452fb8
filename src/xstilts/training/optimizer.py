"""Gradient clipping and AdamW, on as many cores of a CPU as are allowed.

The parameters are divided into consecutive parts, each with an AdamW of its own. Every number is
computed as by `torch.nn.utils.clip_grad_norm_` and one AdamW over all parameters, with the same
bits for any number of cores.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, groupby
from typing import Any

import torch
from torch import Tensor, nn

from xstilts.core.cpu import parallel_map

Group = dict[str, Any]
"""Parameters with the same rate and decay, as torch's optimizers take them."""
State = dict[int, dict[str, Tensor]]
"""Number of a parameter, in the order of the groups → its moments and its number of steps."""
SHARE = 1 / 16
"""Largest share of all numbers in a part on a CPU, unless a parameter is larger."""


class Optimizer:
    """AdamW over groups of parameters.

    Args:
        groups: their parameters are numbered in this order.
        settings: of every group, as for `torch.optim.AdamW`.
    """

    def __init__(self, groups: Sequence[Group], **settings: Any) -> None:
        owners = [number for number, group in enumerate(groups) for _ in group["params"]]
        parameters = [parameter for group in groups for parameter in group["params"]]
        self._parts = [
            torch.optim.AdamW(
                [
                    {**groups[owner], "params": [parameters[number] for number in numbers]}
                    for owner, numbers in groupby(part, owners.__getitem__)
                ],
                fused=True,
                **settings,
            )
            for part in _parts(parameters)
        ]

    @property
    def groups(self) -> list[Group]:
        """The groups of all parts, whose settings can be changed between steps."""
        return [group for part in self._parts for group in part.param_groups]

    @property
    def state(self) -> State:
        """The state of the parameters that have been updated."""
        states = ([part.state.get(one) for one in _parameters(part)] for part in self._parts)
        return {number: state for number, state in enumerate(chain(*states)) if state}

    def load_state(self, state: Mapping[int, Mapping[str, Tensor]]) -> None:
        """Continue from the state of an optimizer over equal groups."""
        first = 0
        for part in self._parts:
            count = len(_parameters(part))
            own = {one: dict(state[first + one]) for one in range(count) if first + one in state}
            groups = part.state_dict()["param_groups"]
            part.load_state_dict({"state": own, "param_groups": groups})
            first += count

    def step(self, norm: Tensor, max_norm: float) -> None:
        """Scale the gradients, whose norm is given, to a norm of at most `max_norm`, and update."""

        def update(part: torch.optim.AdamW) -> None:
            torch.nn.utils.clip_grads_with_norm_(_parameters(part), max_norm, norm)
            part.step()

        for _ in parallel_map(update, self._parts):
            pass

    def zero_grad(self) -> None:
        """Remove the gradients."""
        for part in self._parts:
            part.zero_grad()


def gradient_norm(parameters: Sequence[nn.Parameter]) -> Tensor:
    """The norm of all gradients: of the norms of each, in the order of the parameters; or 0."""
    given = [parameter for parameter in parameters if parameter.grad is not None]
    if not given:
        return torch.zeros(())
    norms = chain.from_iterable(
        parallel_map(lambda part: _norms([given[number] for number in part]), _parts(given))
    )
    norm: Tensor = torch.linalg.vector_norm(torch.stack(list(norms)))
    return norm


def _norms(parameters: Sequence[nn.Parameter]) -> list[Tensor]:
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    return list(torch._foreach_norm(gradients))


def _parameters(part: torch.optim.AdamW) -> list[nn.Parameter]:
    return [parameter for group in part.param_groups for parameter in group["params"]]


def _parts(parameters: Sequence[nn.Parameter]) -> Iterator[list[int]]:
    """Yield positions of consecutive parameters that are updated together; on a GPU, of all."""
    sizes = [parameter.numel() for parameter in parameters]
    is_divided = all(parameter.device.type == "cpu" for parameter in parameters)
    most = SHARE * sum(sizes) if is_divided else sum(sizes)
    part, size = list[int](), 0
    for number, one in enumerate(sizes):
        if part and size + one > most:
            yield part
            part, size = [], 0
        part.append(number)
        size += one
    if part:
        yield part
