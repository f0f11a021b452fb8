"""Formats: kinds of tasks. One file each; other packages add theirs."""

from __future__ import annotations

from xstilts.core.errors import ConfigError
from xstilts.core.registry import Registry
from xstilts.formats.spec import FormatSpec
from xstilts.formats.training_spec import TrainingSpec

FORMATS: Registry[FormatSpec] = Registry(
    "format",
    "xstilts.formats",
    {
        "answer_retrieval": "xstilts.formats.answer_retrieval:ANSWER_RETRIEVAL",
        "classification": "xstilts.formats.classification:CLASSIFICATION",
        "dual_encoder": "xstilts.formats.dual_encoder:DUAL_ENCODER",
        "image_inference": "xstilts.formats.image_text.classification:IMAGE_INFERENCE",
        "image_question": "xstilts.formats.image_text.classification:IMAGE_QUESTION",
        "image_retrieval": "xstilts.formats.image_text.retrieval:IMAGE_RETRIEVAL",
        "image_statement": "xstilts.formats.image_text.classification:IMAGE_STATEMENT",
        "masked_lm": "xstilts.formats.masked_lm:MASKED_LM",
        "mining": "xstilts.formats.retrieval:MINING",
        "multiple_choice": "xstilts.formats.multiple_choice:MULTIPLE_CHOICE",
        "regression": "xstilts.formats.regression:REGRESSION",
        "retrieval": "xstilts.formats.retrieval:RETRIEVAL",
        "span": "xstilts.formats.span:SPAN",
        "tagging": "xstilts.formats.tagging:TAGGING",
    },
)
"""Name → format; other packages add theirs by the entry point `xstilts.formats`."""


def training_of(name: str) -> TrainingSpec:
    """How a format is trained.

    Raises:
        UnknownNameError: there is no such format.
        ConfigError: it is never trained.
    """
    training = FORMATS.get(name).training
    if training is None:
        raise ConfigError(f"format {name} is not trained: its sentences are embedded and searched")
    return training
