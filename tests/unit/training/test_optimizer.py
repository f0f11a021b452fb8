"""Clipping and AdamW in parts of the parameters: the bits of torch's over all of them."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import nn

from xstilts.core.cpu import set_core_limit
from xstilts.training.optimizer import Group, Optimizer, gradient_norm

SIZES = ((40, 30), (7,), (30, 30), (1, 1), (5, 3), (30,), (11, 9), (2, 2))
SETTINGS: dict[str, Any] = {"betas": (0.9, 0.98), "eps": 1e-6}


@pytest.fixture(params=[1, 2, 3])
def cores(request: pytest.FixtureRequest) -> Iterator[int]:
    set_core_limit(request.param)
    yield request.param
    set_core_limit(1)


def parameters() -> list[nn.Parameter]:
    draw = torch.Generator().manual_seed(0)
    return [nn.Parameter(torch.randn(size, generator=draw)) for size in SIZES]


def groups_of(given: list[nn.Parameter]) -> list[Group]:
    return [
        {"params": given[:3], "weight_decay": 0.1, "lr": 1e-2},
        {"params": given[3:6], "weight_decay": 0.0, "lr": 1e-3},
        {"params": given[6:], "weight_decay": 0.0, "lr": 1e-1},
    ]


def set_gradients(given: list[nn.Parameter], step: int) -> None:
    """Of every parameter but one; small in the second step, so that it is not clipped."""
    draw = torch.Generator().manual_seed(step)
    for number, parameter in enumerate(given):
        factor = 1e-4 if step == 1 else 1.0
        gradient = torch.randn(parameter.shape, generator=draw) * factor
        parameter.grad = None if number == 4 else gradient


def plain_step(optimizer: torch.optim.AdamW, given: list[nn.Parameter]) -> torch.Tensor:
    norm = nn.utils.clip_grad_norm_(given, 1.0)
    optimizer.step()
    return norm


@pytest.mark.usefixtures("cores")
def test_updates_have_the_bits_of_one_adamw_over_all_parameters() -> None:
    plain, divided = parameters(), parameters()
    torch_adamw = torch.optim.AdamW(groups_of(plain), fused=True, **SETTINGS)
    optimizer = Optimizer(groups_of(divided), **SETTINGS)
    for step in range(4):
        set_gradients(plain, step)
        set_gradients(divided, step)
        norm = gradient_norm(divided)
        optimizer.step(norm, 1.0)
        assert norm.equal(plain_step(torch_adamw, plain))
        assert all(one.equal(other) for one, other in zip(divided, plain, strict=True))
        for group in (*torch_adamw.param_groups, *optimizer.groups):
            group["lr"] *= 0.5
    wanted = torch_adamw.state_dict()["state"]
    assert optimizer.state.keys() == wanted.keys() == {0, 1, 2, 3, 5, 6, 7}
    for number, moments in optimizer.state.items():
        assert all(moments[name].equal(value) for name, value in wanted[number].items())


def test_an_optimizer_continues_from_a_state() -> None:
    ours = parameters()
    first = Optimizer(groups_of(ours), **SETTINGS)
    for step in range(2):
        set_gradients(ours, step)
        first.step(gradient_norm(ours), 1.0)
    again = copy.deepcopy(ours)
    second = Optimizer(groups_of(again), **SETTINGS)
    second.load_state(copy.deepcopy(first.state))
    for optimizer, given in ((first, ours), (second, again)):
        set_gradients(given, 2)
        optimizer.step(gradient_norm(given), 1.0)
    assert all(one.equal(other) for one, other in zip(ours, again, strict=True))


def test_without_gradients_the_norm_is_that_of_torch() -> None:
    given = parameters()
    assert gradient_norm(given).equal(nn.utils.clip_grad_norm_(given, 1.0))


def test_gradients_are_removed() -> None:
    given = parameters()
    optimizer = Optimizer(groups_of(given), **SETTINGS)
    set_gradients(given, 0)
    optimizer.zero_grad()
    assert all(parameter.grad is None for parameter in given)
