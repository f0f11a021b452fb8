"""Names of targets in results: a task, with layer and pooling where several are searched."""

from __future__ import annotations

import re
from dataclasses import dataclass

PATTERN = re.compile(r"(.+) \(layer (\d+), (\w+)\)")


@dataclass(frozen=True)
class TargetName:
    """A target of the results.

    Args:
        task: its task.
        layer, pooling: of its vectors, in a sweep over several; none and empty otherwise.
    """

    task: str
    layer: int | None = None
    pooling: str = ""

    @classmethod
    def parse(cls, name: str) -> TargetName:
        """The reverse of `str`."""
        match = PATTERN.fullmatch(name)
        return cls(match[1], int(match[2]), match[3]) if match else cls(name)

    @property
    def is_swept(self) -> bool:
        """Whether it is one of several layers or poolings."""
        return self.layer is not None

    @property
    def vectors(self) -> str:
        """Layer and pooling in words; empty outside a sweep."""
        return f"layer {self.layer}, {self.pooling}" if self.is_swept else ""

    def __str__(self) -> str:
        return f"{self.task} ({self.vectors})" if self.is_swept else self.task
