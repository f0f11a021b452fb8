"""The machine: what it is, and the fastest matrix product that it was seen to do."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch
from accelerate.state import AcceleratorState

from bench import THREADS
from bench.timing import PRODUCT_SHARE
from xstilts.core.cpu import set_core_limit

torch.set_num_threads(THREADS)

PACKAGES = (
    *("xstilts", "torch", "transformers", "accelerate", "tokenizers", "numpy"),
    *("sentence-transformers", "faiss-cpu"),
)


def has_gpu() -> bool:
    """Whether there is a GPU to run on."""
    return torch.cuda.is_available()


def device() -> torch.device:
    """Where the rivals' models go."""
    return torch.device("cuda" if has_gpu() else "cpu")


@contextmanager
def every_core() -> Iterator[None]:
    """Let our side use the rival's threads as a lone stage of `xstilts run` does.

    One thread for each call of a library, and as many pieces of work at once as there are cores.
    Around one call, or as a decorator.
    """
    torch.set_num_threads(1)
    set_core_limit(THREADS)
    try:
        yield
    finally:
        set_core_limit(1)
        torch.set_num_threads(THREADS)


def fresh_accelerator() -> None:
    """Forget accelerate's shared state, so that each side sets its own precision."""
    AcceleratorState._reset_state(reset_partial_state=True)


def wait() -> None:
    """Wait until the GPU has finished all queued work."""
    if has_gpu():
        torch.cuda.synchronize()


def product_rate(seconds: float = 1.0, precision: str = "fp32") -> float:
    """Operations per second of the best of many products of square matrices.

    In bf16 on a GPU: what the benchmarks compute in.
    """
    size = 8192 if has_gpu() else 2048
    kind = torch.bfloat16 if has_gpu() or precision == "bf16" else torch.float32
    one = torch.randn(size, size, device=device()).to(kind)
    best, end = 0.0, time.perf_counter() + seconds
    while time.perf_counter() < end or not best:
        wait()
        started = time.perf_counter()
        one @ one
        wait()
        best = max(best, 2 * size**3 / (time.perf_counter() - started))
    return best


PRODUCTS = (
    *("aten::mm", "aten::addmm", "aten::bmm", "aten::baddbmm"),
    "mkldnn::_linear_pointwise",
)
"""Operations of torch that are products of matrices."""


def product_share(action: Callable[[], Any]) -> float:
    """Share of the time of an action on one thread that torch spends in products of matrices."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        started = time.perf_counter()
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
            action()
            seconds = time.perf_counter() - started
    finally:
        torch.set_num_threads(threads)
    spent = {event.key: event.self_cpu_time_total for event in profile.key_averages()}
    return sum(spent.get(name, 0) for name in PRODUCTS) / 1e6 / seconds


def product_note(action: Callable[[], Any]) -> dict[str, float]:
    """The share of products as a note; none on a GPU, whose time torch's operations do not show."""
    return {} if has_gpu() else {PRODUCT_SHARE: round(product_share(action), 2)}


class Peak:
    """The matrix-product rate, measured when made and again whenever asked; the best counts."""

    def __init__(self, precision: str = "fp32") -> None:
        self.precision = precision
        self.rate = product_rate(precision=precision)

    def share(self, operations_per_second: float) -> float:
        """A rate as a share of this."""
        self.rate = max(self.rate, product_rate(precision=self.precision))
        return operations_per_second / self.rate


@cache
def processor() -> str:
    """The processor's or GPU's name."""
    if has_gpu():
        return str(torch.cuda.get_device_name())
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor()


def machine(precision: str = "fp32") -> dict[str, str]:
    """What the figures were measured on."""
    cores = f", {THREADS} threads" if not has_gpu() else ""
    return {
        "processor": f"{processor()}{cores}",
        "precision": "bf16" if has_gpu() else precision,
        "system": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
    }


def versions() -> dict[str, str]:
    """Package → version."""
    versions = {}
    for name in PACKAGES:
        with suppress(PackageNotFoundError):
            versions[name] = version(name)
    return versions
