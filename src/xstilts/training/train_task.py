"""What a training learns from: the features of a task."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from xstilts.formats.base import Feature, TokenizationConfig


@dataclass(frozen=True)
class TrainTask:
    """Training and dev features of a task.

    Args:
        metric: name of the main metric.
        dev_gold: gold answers of dev for the metric.
        language: of dev.
        reading: configuration of tokenization.
        augment: (feature, seed) → a new version of a training feature each time it is used
            (masking).
    """

    name: str
    format: str
    labels: tuple[str, ...]
    metric: str
    train: Sequence[Feature]
    dev: Sequence[Feature]
    dev_gold: Sequence[Any]
    language: str = "en"
    reading: TokenizationConfig = field(default_factory=TokenizationConfig)
    augment: Callable[[Feature, int], Feature] | None = None

    @property
    def is_text(self) -> bool:
        """Whether the task is masked language modelling."""
        return self.augment is not None
