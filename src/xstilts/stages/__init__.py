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
        "translate": "xstilts.stages.translate:run",
        "train": "xstilts.stages.train:run",
        "predict": "xstilts.stages.predict:run",
        "embed": "xstilts.stages.embed:run",
        "search": "xstilts.stages.search:run",
        "mine": "xstilts.stages.mine:run",
        "score": "xstilts.stages.score:run",
    },
)
"""Kind → function. Each module imports what it needs only in the worker process."""

VERSIONS = {
    "encoder": 2,
    "prepare": 1,
    "translate": 1,
    "train": 4,
    "predict": 4,
    "embed": 4,
    "search": 2,
    "mine": 2,
    "score": 3,
}
"""Raise a kind's version when the same parameters come to give another result."""
