"""Stages: the kinds of work, each a function with a version."""

from __future__ import annotations

from xstilts.core.registry import Registry
from xstilts.stages.kind import StageKind

KINDS: Registry[StageKind] = Registry(
    "stage kind",
    "xstilts.stages",
    {
        "encoder": "xstilts.stages.encoder:run",
        "prepare": "xstilts.stages.prepare:run",
        "train": "xstilts.stages.train:run",
        "predict": "xstilts.stages.predict:run",
        "embed": "xstilts.stages.embed:run",
        "score": "xstilts.stages.score:run",
    },
)
"""Kind → function. Each module imports what it needs only in the worker process."""

VERSIONS = {"encoder": 1, "prepare": 1, "train": 1, "predict": 1, "embed": 1, "score": 1}
"""Raise a kind's version when the same parameters come to give another result."""
