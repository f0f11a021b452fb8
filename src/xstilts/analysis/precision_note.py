"""Notes on scores and reports of predictions and vectors that were computed in bf16."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from xstilts.config.recipe import PRECISION
from xstilts.core.artifact import Artifact
from xstilts.core.stage import Stage
from xstilts.planning.stage_memory import TRAININGS

BF16 = "bf16"
COMPUTED = {
    "train": "trainings",
    "predict": "predictions",
    "embed": "sentence vectors",
    "surprise": "code lengths",
}
"""Kind of stage → what it computes."""


def in_bf16(stage: Stage) -> bool:
    """Whether the experiment chooses bf16 for a stage."""
    params = stage.params["recipe"] if stage.kind in TRAININGS else stage.params
    return bool(params.get(PRECISION) == BF16)


def precision_note(artifact: Artifact) -> str:
    """Says that predictions or vectors were computed in bf16; empty if they were not."""
    stage = artifact.manifest["stage"]
    if stage["params"].get(PRECISION) != BF16:
        return ""
    return f"{COMPUTED.get(stage['kind'], stage['kind'])} computed in bf16"


def score_precision_note(scores: Iterable[str], stages: Mapping[str, Stage]) -> str:
    """Says what of the scores of a model was computed in bf16; empty if nothing was.

    Args:
        scores: keys of their stages.
        stages: key → stage, of these and all before them.
    """
    found, keys = dict[str, None](), list(scores)
    while keys:
        stage = stages.get(keys.pop())
        if stage is None or stage.kind in TRAININGS:
            continue
        keys += stage.inputs.values()
        if stage.kind in COMPUTED and in_bf16(stage):
            found[COMPUTED[stage.kind]] = None
    return f"{' and '.join(found)} computed in bf16" if found else ""


def plan_precision_note(stages: Iterable[Stage]) -> str:
    """Which stages of a plan the experiment computes in bf16; empty if none."""
    every, chosen = Counter[str](), Counter[str]()
    for stage in stages:
        if stage.kind in COMPUTED:
            every[stage.kind] += 1
            chosen[stage.kind] += in_bf16(stage)
    parts = [
        f"{chosen[kind]:,} of {every[kind]:,} {name}"
        for kind, name in COMPUTED.items()
        if chosen[kind]
    ]
    return f"Computed in bf16: {', '.join(parts)}." if parts else ""
