"""How many of the machine's cores the work at hand may use.

Whoever runs the work says so, and may say otherwise while it runs. How work is cut, or how its
pieces are put together, makes what comes of it the same to the last bit whatever the number.
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
"""A container's quota (cgroup v2), in microseconds of a period: `200000 100000`."""

_core_limit = 1


def available_cores() -> int:
    """The cores that this process may run on; by a container's quota or $XSTILTS_CORES fewer.

    Raises:
        ConfigError: $XSTILTS_CORES is not a number of cores.
    """
    affinity = getattr(os, "sched_getaffinity", None)  # not on macOS
    found = len(affinity(0)) if affinity else os.cpu_count() or 1
    with suppress(OSError, ValueError):  # no such file, or `max 100000`
        quota, period = map(int, QUOTA.read_text(encoding="ascii").split())
        found = min(found, -(-quota // period))
    if limit := os.environ.get(LIMIT):
        if not limit.isdecimal() or int(limit) < 1:
            raise ConfigError(f"{limit!r} cores", where=f"${LIMIT}", todo="give a whole number")
        found = min(found, int(limit))
    return max(1, found)


def set_core_limit(cores: int) -> None:
    """Let the work of this process use some cores from now on; one until then."""
    global _core_limit
    _core_limit = max(1, cores)


def core_limit() -> int:
    """The cores that the work of this process may use."""
    return _core_limit


def parallel_map(
    work: Callable[[Item], Result], items: Iterable[Item], *, ahead: int = 1
) -> Iterator[Result]:
    """What comes of each item, in their order: in threads, as many at once as cores are allowed.

    If one fails, its error is raised in its turn, after those under way have ended.

    Args:
        ahead: how many results more than cores may wait to be taken.
    """
    under_way = deque[Future[Result]]()
    try:
        for item in items:
            while under_way and _busy(under_way) >= _core_limit:
                wait([one for one in under_way if not one.done()], return_when=FIRST_COMPLETED)
            while under_way and (under_way[0].done() or len(under_way) >= _core_limit + ahead):
                yield under_way.popleft().result()
            if _core_limit == 1 and not under_way:
                yield work(item)
            else:
                under_way.append(_pool().submit(work, item))
        while under_way:
            yield under_way.popleft().result()
    finally:
        wait(under_way)


def _busy(futures: Iterable[Future[Result]]) -> int:
    return sum(not one.done() for one in futures)


@cache
def _pool() -> ThreadPoolExecutor:
    """Threads that wait for work, started as they are needed."""
    return ThreadPoolExecutor(available_cores())
