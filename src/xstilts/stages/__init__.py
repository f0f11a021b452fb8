"""Stages: the kinds of work, each a function with a version."""

from __future__ import annotations

from xstilts.core.registry import Registry
from xstilts.stages.base import CHOOSE_RECIPE, StageKind

STAGE_KINDS: Registry[StageKind] = Registry(
    "stage kind",
    "xstilts.stages",
    {
        "encoder": StageKind(2, "xstilts.stages.import_encoder:run", uses_torch=True),
        "import-vision": StageKind(1, "xstilts.stages.import_vision:run", uses_torch=True),
        "prepare": StageKind(1, "xstilts.stages.prepare:run"),
        "translate": StageKind(1, "xstilts.stages.translate:run"),
        "train": StageKind(6, "xstilts.stages.train:run", uses_torch=True),
        CHOOSE_RECIPE: StageKind(1, "xstilts.stages.choose_recipe:run"),
        "predict": StageKind(4, "xstilts.stages.predict:run", uses_torch=True),
        "predict-tuned": StageKind(1, "xstilts.stages.predict_tuned:run", uses_torch=True),
        "embed": StageKind(4, "xstilts.stages.embed:run", uses_torch=True),
        "search": StageKind(2, "xstilts.stages.search:run"),
        "search-pool": StageKind(1, "xstilts.stages.search_pool:run"),
        "mine": StageKind(2, "xstilts.stages.mine:run"),
        "score": StageKind(3, "xstilts.stages.score:run"),
        "guess": StageKind(1, "xstilts.stages.majority_baseline:run"),
        "subwords": StageKind(1, "xstilts.stages.token_counts:run", uses_torch=True),
        "represent": StageKind(1, "xstilts.stages.embed_examples:run", uses_torch=True),
        "compare": StageKind(1, "xstilts.stages.similarity:run", uses_torch=True),
        "logme": StageKind(1, "xstilts.stages.logme:run", uses_torch=True),
        "draw": StageKind(1, "xstilts.stages.draw_examples:run"),
        "cut": StageKind(1, "xstilts.stages.slice_rows:run"),
        "surprise": StageKind(1, "xstilts.stages.code_length:run", uses_torch=True),
        "dynamics": StageKind(3, "xstilts.stages.dynamics:run", uses_torch=True),
        "withhold": StageKind(1, "xstilts.stages.partial_input:run"),
        "fisher": StageKind(1, "xstilts.stages.fisher:run", uses_torch=True),
    },
)
"""Name → kind; other packages add theirs by the entry point `xstilts.stages`.

Planning reads the versions; the functions are imported by the worker that runs the stage.
"""
