"""A side in a process of its own, so that its memory is its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import torch

from bench.cli import ROOT, Options
from bench.machine import has_gpu

Answer = dict[str, Any]


class Process:
    """A side that answers one line of JSON for every line that it is sent."""

    def __init__(self, name: str, side: str, options: Options) -> None:
        flags = ["--side", side, "--data", str(options.data), "--size", str(options.size)]
        self.child = subprocess.Popen(
            [sys.executable, "-m", f"bench.{name}", *flags, *(["--tiny"] if options.tiny else [])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )

    def ask(self, word: str = "go") -> Answer:
        """The side's next answer.

        Raises:
            RuntimeError: it has ended.
        """
        assert self.child.stdin
        assert self.child.stdout
        self.child.stdin.write(word + "\n")
        self.child.stdin.flush()
        line = self.child.stdout.readline()
        if not line:
            raise RuntimeError(f"a side ended with exit code {self.child.wait()}")
        answer: Answer = json.loads(line)
        return answer

    def __enter__(self) -> Process:
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        self.child.kill()
        self.child.communicate()


def serve(answers: Callable[[], Iterator[Answer]]) -> None:
    """In the side's process: an answer for every line; libraries may print to stderr only."""
    out = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    iterator = answers()
    for _ in sys.stdin:
        out.write(json.dumps(next(iterator)) + "\n")


def peak_bytes() -> int:
    """The most memory that this process has had; on a GPU, of the GPU's."""
    if has_gpu():
        return int(torch.cuda.max_memory_allocated())
    # not getrusage: its maximum is inherited from the process that started this one
    for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("no VmHWM in /proc/self/status")
