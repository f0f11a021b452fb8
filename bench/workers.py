"""Worker processes of one thread each, as `xstilts run` has them on a CPU."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

import torch

from bench import THREADS

AT_WORK = ", one thread a process"


class Workers:
    """As many processes as the other side has threads; each gets ready once.

    Args:
        make: builds in each process, from `given`, what `do` is called with; both are functions
            of a module.
    """

    def __init__(self, make: Callable[..., Any], do: Callable[[Any, Any], Any], *given: Any):
        context, start = get_context("spawn"), (make, do, given)
        self.pool = ProcessPoolExecutor(THREADS, context, _start, start)

    def __call__(self, items: Iterable[Any]) -> list[Any]:
        """What comes of each item, in order; whoever is free takes the next."""
        return list(self.pool.map(_do, items))


_held: dict[str, Any] = {}


def _start(make: Callable[..., Any], do: Callable[[Any, Any], Any], given: Any) -> None:
    torch.set_num_threads(1)
    _held.update(made=make(*given), do=do)
    torch.set_num_threads(1)


def _do(item: Any) -> Any:
    return _held["do"](_held["made"], item)
