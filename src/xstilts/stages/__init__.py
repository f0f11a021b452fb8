"""Stages: the kinds of work, each a function with a version."""

from __future__ import annotations

from xstilts.core.registry import Registry
from xstilts.stages.base import StageKind

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
        "guess": "xstilts.stages.majority_baseline:run",
        "subwords": "xstilts.stages.token_counts:run",
        "represent": "xstilts.stages.embed_examples:run",
        "compare": "xstilts.stages.similarity:run",
        "logme": "xstilts.stages.logme:run",
        "cut": "xstilts.stages.slice_rows:run",
        "surprise": "xstilts.stages.code_length:run",
        "dynamics": "xstilts.stages.dynamics:run",
        "withhold": "xstilts.stages.partial_input:run",
        "fisher": "xstilts.stages.fisher:run",
    },
)
"""Kind → function. Each module imports what it needs only in the worker process."""

VERSIONS = {
    "encoder": 2,
    "prepare": 1,
    "translate": 1,
    "train": 6,
    "predict": 4,
    "embed": 4,
    "search": 2,
    "mine": 2,
    "score": 3,
    "guess": 1,
    "subwords": 1,
    "represent": 1,
    "compare": 1,
    "logme": 1,
    "cut": 1,
    "surprise": 1,
    "dynamics": 3,
    "withhold": 1,
    "fisher": 1,
}
"""Raise a kind's version when the same parameters come to give another result."""
