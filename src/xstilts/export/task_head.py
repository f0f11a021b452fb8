"""The trained head of a task, and the class of transformers that computes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from safetensors.torch import load_file
from torch import Tensor

from xstilts.core.errors import EncoderError
from xstilts.formats.base import HeadShape
from xstilts.models.encoder_files import HEADS
from xstilts.training.multitask_model import module_name

SPAN_LABELS = ("start", "end")
"""Outputs of a span head."""


class AutoClass(NamedTuple):
    """A class of transformers for a format.

    Args:
        name: of the class.
        pipeline: the task of the hub.
    """

    name: str
    pipeline: str


MASKED_LM = "masked_lm"
"""The format whose head has an output for each sub-word of the vocabulary."""
SEQUENCE, TOKEN = "AutoModelForSequenceClassification", "AutoModelForTokenClassification"
AUTO_CLASSES: Mapping[str, AutoClass] = {
    "classification": AutoClass(SEQUENCE, "text-classification"),
    "regression": AutoClass(SEQUENCE, "text-classification"),
    "multiple_choice": AutoClass("AutoModelForMultipleChoice", "multiple-choice"),
    "tagging": AutoClass(TOKEN, "token-classification"),
    "span": AutoClass("AutoModelForQuestionAnswering", "question-answering"),
    MASKED_LM: AutoClass("AutoModelForMaskedLM", "fill-mask"),
}
"""Format → class; formats without a head of their own weights have none."""
SENTENCE_FORMATS = ("classification", "regression", "multiple_choice")
"""Formats whose head reads one vector per text: dense, tanh, output."""


@dataclass(frozen=True)
class TaskHead:
    """The head of one task of a training.

    Args:
        labels: in the order of the outputs.
        pooling: what a sentence head reads.
        folder: of the training.
    """

    task: str
    format: str
    labels: tuple[str, ...]
    pooling: str
    folder: Path

    @cached_property
    def weights(self) -> dict[str, Tensor]:
        """Its parameters by their names in `models.heads`.

        Raises:
            EncoderError: the training has no such head.
        """
        prefix = f"{module_name(self.task)}."
        state = load_file(self.folder / HEADS)
        own = {name.removeprefix(prefix): state[name] for name in state if name.startswith(prefix)}
        if not own:
            raise EncoderError(f"the training has no head of {self.task}", where=str(self.folder))
        return own

    @property
    def is_sentence_head(self) -> bool:
        """Whether it reads one vector per text."""
        return self.format in SENTENCE_FORMATS

    @property
    def is_masked_lm(self) -> bool:
        """Whether it predicts sub-words, by the word embeddings."""
        return self.format == MASKED_LM

    @property
    def output_labels(self) -> tuple[str, ...]:
        """A name for each of its outputs; none for sub-words."""
        if self.format == "span":
            return SPAN_LABELS
        if self.format in ("regression", "multiple_choice"):
            return ("score",)
        return self.labels

    @property
    def shape(self) -> HeadShape:
        """What builds its module."""
        outputs = len(self.weights["bias"]) if self.is_masked_lm else len(self.labels)
        return HeadShape(self.format, outputs, 0.0, self.pooling)


def heads_of(params: Mapping[str, Any], folder: Path) -> list[TaskHead]:
    """The heads of a training that a class of transformers or a dense layer can compute.

    Args:
        params: of its stage.
        folder: of its artifact.
    """
    return [
        TaskHead(name, task["format"], tuple(task["labels"]), params.get("pooling", "cls"), folder)
        for name, task in params["tasks"].items()
        if task["format"] in AUTO_CLASSES
    ]
