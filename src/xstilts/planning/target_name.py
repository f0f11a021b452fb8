"""Names of targets in results: a task, plus what sets its row apart from the default.

That is layer and pooling in a sweep over several, or an evaluation other than zero-shot.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

SWEPT = re.compile(r"(.+) \(layer (\d+), (\w+)\)")
EVALUATED = re.compile(r"(.+) \((\d+ shots?|translate-test)\)")
TRANSLATE_TEST = "translate-test"


def shots(count: int) -> str:
    """Name of an evaluation after training on examples of the target language."""
    return f"{count} shot{'s' * (count != 1)}"


@dataclass(frozen=True)
class TargetName:
    """Name of a target in results.

    Args:
        task: name of the task.
        layer, pooling: of the vectors in a sweep; None and empty otherwise.
        evaluation: `shots(k)` or `TRANSLATE_TEST`; empty for zero-shot.
    """

    task: str
    layer: int | None = None
    pooling: str = ""
    evaluation: str = ""

    @classmethod
    def parse(cls, name: str) -> TargetName:
        """Parse the text that `str` returns."""
        if match := SWEPT.fullmatch(name):
            return cls(match[1], int(match[2]), match[3])
        if match := EVALUATED.fullmatch(name):
            return cls(match[1], evaluation=match[2])
        return cls(name)

    @property
    def is_swept(self) -> bool:
        """Whether the target belongs to a sweep over layers and poolings."""
        return self.layer is not None

    @property
    def is_zero_shot(self) -> bool:
        """Whether the models have seen no example of the target language, nor a translation."""
        return not self.evaluation

    @property
    def vectors(self) -> str:
        """Text of layer and pooling; empty outside a sweep."""
        return f"layer {self.layer}, {self.pooling}" if self.is_swept else ""

    def __str__(self) -> str:
        detail = self.vectors or self.evaluation
        return f"{self.task} ({detail})" if detail else self.task
