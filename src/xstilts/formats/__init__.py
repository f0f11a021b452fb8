"""Formats: how a kind of task becomes tensors, a head, a loss and predictions."""

from __future__ import annotations

from xstilts.core.registry import Registry
from xstilts.formats.base import Format, TrainedFormat

TRAINED: Registry[TrainedFormat] = Registry(
    "trained format",
    "xstilts.formats",
    {
        "classification": "xstilts.formats.classification:CLASSIFICATION",
        "masked_lm": "xstilts.formats.masked_lm:MASKED_LM",
        "multiple_choice": "xstilts.formats.multiple_choice:MULTIPLE_CHOICE",
        "span": "xstilts.formats.span:SPAN",
        "tagging": "xstilts.formats.tagging:TAGGING",
    },
)
VERSIONS = {"span": 3, "tagging": 2}
"""Raise a format's version when it comes to read the same rows otherwise; 1 where none is told."""

EMBEDDED: Registry[Format] = Registry(
    "embedded format",
    "xstilts.formats.embedded",
    {
        "mining": "xstilts.formats.retrieval:RETRIEVAL",
        "retrieval": "xstilts.formats.retrieval:RETRIEVAL",
    },
)
"""Formats that are never trained: their sentences are embedded by the bare encoder."""
