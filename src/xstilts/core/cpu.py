"""How many cores the current process may use, and a parallel map over them.

The executor sets the limit and may change it while a stage runs. Work is split and its parts are
combined in a way that does not depend on the limit, so results are the same bits for any number.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TypeVar

from xstilts.core.errors import ConfigError

Item = TypeVar("Item")
Result = TypeVar("Result")

LIMIT = "XSTILTS_CORES"
QUOTA = Path("/sys/fs/cgroup/cpu.max")
"""A container's CPU quota (cgroup v2): microseconds per period, such as `200000 100000`."""

_core_limit = 1


def available_cores() -> int:
    """The cores that this process may run on, limited by a container's quota and $XSTILTS_CORES.

    Raises:
        ConfigError: $XSTILTS_CORES is not a positive whole number.
    """
    affinity = getattr(os, "sched_getaffinity", None)  # not on macOS
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    with suppress(OSError, ValueError):  # no such file, or `max 100000`
        quota, period = map(int, QUOTA.read_text(encoding="ascii").split())
        cores = min(cores, -(-quota // period))
    if limit := os.environ.get(LIMIT):
        if not limit.isdecimal() or int(limit) < 1:
            raise ConfigError(
                f"{limit!r} cores", where=f"${LIMIT}", todo="set it to a positive integer"
            )
        cores = min(cores, int(limit))
    return max(1, cores)


def set_core_limit(cores: int) -> None:
    """Set the number of cores of this process; the initial limit is one."""
    global _core_limit
    _core_limit = max(1, cores)


def core_limit() -> int:
    """The number of cores that this process may use."""
    return _core_limit


def parallel_map(
    work: Callable[[Item], Result], items: Iterable[Item], *, ahead: int = 1
) -> Iterator[Result]:
    """The result of each item, in order, computed by as many threads as cores are allowed.

    An error is raised in its item's turn, after the running items have ended.

    Args:
        ahead: how many results may wait to be consumed, besides one per core.
    """
    pending = deque[Future[Result]]()
    try:
        for item in items:
            while pending and _busy(pending) >= _core_limit:
                wait(
                    [future for future in pending if not future.done()], return_when=FIRST_COMPLETED
                )
            while pending and (pending[0].done() or len(pending) >= _core_limit + ahead):
                yield pending.popleft().result()
            if _core_limit == 1 and not pending:
                yield work(item)
            else:
                pending.append(_pool().submit(work, item))
        while pending:
            yield pending.popleft().result()
    finally:
        wait(pending)


def _busy(futures: Iterable[Future[Result]]) -> int:
    return sum(not future.done() for future in futures)


@cache
def _pool() -> ThreadPoolExecutor:
    """The threads, started when they are needed."""
    return ThreadPoolExecutor(available_cores())
