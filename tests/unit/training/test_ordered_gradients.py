"""Shards in parallel threads: one buffer of gradients, added to in the order of the shards."""

from __future__ import annotations

import sys
from pathlib import Path
from time import sleep

import pytest
import torch
from torch import Tensor

from xstilts.core.cpu import set_core_limit
from xstilts.training.data_parallel_cpu import add_gradients
from xstilts.training.ordered_gradients import OrderedGradients

WIDTH, LAYERS = 1024, 24


@pytest.mark.parametrize("cores", [2, 3])
def test_gradients_are_added_in_the_order_of_shards_whichever_is_ready_first(
    cores: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_core_limit(cores)
    added: list[tuple[int, int]] = []
    add = OrderedGradients._added

    def noted(self: OrderedGradients, position: int, parameter: torch.nn.Parameter) -> None:
        added.append((position, self._thread.shard))
        add(self, position, parameter)

    monkeypatch.setattr(OrderedGradients, "_added", noted)
    parameters = [torch.nn.Parameter(torch.ones(3)) for _ in range(4)]

    def loss_of(shard: int) -> Tensor:
        sleep(0.02 * (3 - shard))  # later shards are ready first
        return torch.stack([(shard + 1) * value for value in parameters]).sum()

    assert add_gradients(parameters, range(4), loss_of) == 4 * 3 * (1 + 2 + 3 + 4)
    for position, parameter in enumerate(parameters):
        assert [shard for at, shard in added if at == position] == [0, 1, 2, 3]
        assert parameter.grad is not None
        assert parameter.grad.tolist() == [10, 10, 10]


def test_sums_have_the_bits_of_one_thread_also_at_zeros() -> None:
    values = torch.tensor([0.1, -0.0, 0.0, 1e-45, -3e38, 7.0])
    weight = torch.nn.Parameter(torch.zeros(6))
    for cores in (1, 2):
        set_core_limit(cores)
        weight.grad = None
        add_gradients([weight], [values, values / 3], lambda factor: (weight * factor).sum())
        assert weight.grad is not None
        expected = (values + values / 3).view(torch.int32)
        assert weight.grad.view(torch.int32).tolist() == expected.tolist()


def test_a_shard_does_not_wait_for_parameters_that_an_earlier_loss_does_not_depend_on() -> None:
    set_core_limit(2)
    first, second = (torch.nn.Parameter(torch.ones(2)) for _ in range(2))
    losses = [first, second, first, first + second]
    assert add_gradients([first, second], losses, lambda value: value.sum()) == 10
    assert first.grad is not None
    assert second.grad is not None
    assert (first.grad.tolist(), second.grad.tolist()) == ([3, 3], [2, 2])


def test_an_error_in_a_shard_ends_those_that_wait_for_it_and_leaves_no_hooks() -> None:
    set_core_limit(2)
    weight = torch.nn.Parameter(torch.ones(2))

    def loss_of(shard: int) -> Tensor:
        if shard == 0:
            sleep(0.05)
            raise MemoryError("out of memory")
        return weight.sum()

    with pytest.raises(MemoryError):
        add_gradients([weight], range(4), loss_of)
    weight.grad = None
    weight.sum().backward()  # type: ignore[no-untyped-call]
    assert weight.grad is not None
    assert weight.grad.tolist() == [1, 1]


@pytest.mark.skipif(sys.platform != "linux", reason="the peak of memory is read from /proc")
def test_two_cores_hold_the_gradients_of_one() -> None:
    """Cores with gradients of their own would hold three times the memory of one core's."""
    set_core_limit(2)
    layers = (torch.nn.Linear(WIDTH, WIDTH) for _ in range(LAYERS))
    model = torch.nn.Sequential(*(part for layer in layers for part in (layer, torch.nn.ReLU())))
    parameters = list(model.parameters())
    texts = torch.ones(4, 16, WIDTH)
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # resets the peak
    before = memory("VmRSS")
    for _ in range(2):
        add_gradients(parameters, range(4), lambda shard: model(texts[shard]).sum())
        model.zero_grad()
    assert memory("VmHWM") - before < 2 * sum(4 * value.numel() for value in parameters)


def memory(name: str) -> int:
    """Bytes of this process."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))
