"""Names of targets in results: a task, plus layer and pooling in a sweep over several."""

from __future__ import annotations

import re
from dataclasses import dataclass

PATTERN = re.compile(r"(.+) \(layer (\d+), (\w+)\)")


@dataclass(frozen=True)
class TargetName:
    """Name of a target in results.

    Args:
        task: name of the task.
        layer, pooling: of the vectors in a sweep; None and empty otherwise.
    """

    task: str
    layer: int | None = None
    pooling: str = ""

    @classmethod
    def parse(cls, name: str) -> TargetName:
        """Parse the text that `str` returns."""
        match = PATTERN.fullmatch(name)
        return cls(match[1], int(match[2]), match[3]) if match else cls(name)

    @property
    def is_swept(self) -> bool:
        """Whether the target belongs to a sweep over layers and poolings."""
        return self.layer is not None

    @property
    def vectors(self) -> str:
        """Text of layer and pooling; empty outside a sweep."""
        return f"layer {self.layer}, {self.pooling}" if self.is_swept else ""

    def __str__(self) -> str:
        return f"{self.task} ({self.vectors})" if self.is_swept else self.task
