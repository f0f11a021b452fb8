"""Gradients of several shards in one buffer per parameter, added in the order of the shards.

The shards of a batch run backwards in parallel threads. As soon as the gradient of a parameter is
known, it is added to the parameter's own, and freed: no thread holds the gradients of all
parameters. A thread waits with each parameter for the shards before its own, so that sums have the
same order, and therefore the same bits, as if one thread computed one shard after the other.

The buffers stay from step to step. Allocated by whichever thread comes first, they would leave a
hole of their size in the memory of one thread after another, which malloc does not give back.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from threading import Condition, local
from types import TracebackType

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle
from torch.utils.weak import WeakTensorKeyDictionary

_buffers = WeakTensorKeyDictionary()
"""Parameter → its buffer, as long as the parameter exists."""


class OrderedGradients:
    """While entered, the backward passes of shards add to the gradients of parameters in order.

    Args:
        parameters: those that are trained; the backward passes must run in the threads that
            call `shard`, as those of graphs on a CPU do.
    """

    def __init__(self, parameters: Sequence[nn.Parameter]) -> None:
        self._parameters = parameters
        self._handles: list[RemovableHandle] = []
        self._changed = Condition()
        self._next = [0] * len(parameters)
        """The shard whose gradient a parameter waits for."""
        self._ended: set[int] = set()
        self._thread = local()

    def __enter__(self) -> OrderedGradients:
        for parameter in self._parameters:
            if parameter not in _buffers:
                _buffers[parameter] = torch.empty_like(parameter, requires_grad=False)
        for position, parameter in enumerate(self._parameters):
            before, after = partial(self._wait, position), partial(self._added, position)
            self._handles += [
                parameter.register_hook(before),  # type: ignore[no-untyped-call]
                parameter.register_post_accumulate_grad_hook(after),  # type: ignore[no-untyped-call]
            ]
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        for handle in self._handles:
            handle.remove()

    @contextmanager
    def shard(self, number: int) -> Iterator[None]:
        """The computation of a shard in this thread, numbered from 0 in the order of additions.

        At its end, also in an error, no further shard waits for it: a loss need not depend on
        every parameter.
        """
        self._thread.shard = number
        try:
            yield
        finally:
            with self._changed:
                self._ended.add(number)
                self._changed.notify_all()

    def _wait(self, position: int, _: Tensor) -> None:
        """Wait until all earlier shards have added to a parameter, or have ended."""
        with self._changed:
            while not self._is_next(position):
                self._changed.wait()
        parameter = self._parameters[position]
        if parameter.grad is None:  # x + -0.0 has the bits of x, also if x is 0.0 or -0.0
            parameter.grad = _buffers[parameter].fill_(-0.0)

    def _is_next(self, position: int) -> bool:
        while self._next[position] in self._ended:
            self._next[position] += 1
        return bool(self._next[position] >= self._thread.shard)

    def _added(self, position: int, _: nn.Parameter) -> None:
        with self._changed:
            self._next[position] = self._thread.shard + 1
            self._changed.notify_all()
