"""Measures: properties of tasks and trained models, computed by stages of their own.

A measure adds the stages that it needs to the experiment's own, says where it will be found, and
reads its value off their facts. docs/reference/measures.md has their formulas and sources.
"""

from __future__ import annotations

from collections.abc import Sequence

from xstilts.config.intermediate import parse_setting
from xstilts.config.load import LoadedExperiment
from xstilts.core.registry import Registry
from xstilts.core.stage import Stage
from xstilts.planning.compile import Compiler
from xstilts.planning.graph import StageGraph
from xstilts.planning.measures.base import Measure, MeasureContext, MeasureRef
from xstilts.planning.resolve import ResolvedExperiment
from xstilts.planning.validate import check

__all__ = ["MEASURES", "Measure", "MeasureRef", "compile_measures"]

_HERE = "xstilts.planning.measures"
MEASURES: Registry[Measure] = Registry(
    "measure",
    "xstilts.measures",
    {
        "accuracy": f"{_HERE}.baselines:ACCURACY",
        "chance": f"{_HERE}.baselines:CHANCE",
        "majority": f"{_HERE}.baselines:MAJORITY",
        "above-chance": f"{_HERE}.baselines:ABOVE_CHANCE",
        "above-majority": f"{_HERE}.baselines:ABOVE_MAJORITY",
        "size": f"{_HERE}.text_similarity:SIZE",
        "length": f"{_HERE}.text_similarity:LENGTH",
        "textemb": f"{_HERE}.text_similarity:TEXTEMB",
        "semb": f"{_HERE}.text_similarity:SEMB",
        "divergence": f"{_HERE}.text_similarity:DIVERGENCE",
        "format": f"{_HERE}.text_similarity:FORMAT",
        "size-rule": f"{_HERE}.text_similarity:SIZE_RULE",
        "logme": f"{_HERE}.model_similarity:LOGME",
        "cka": f"{_HERE}.model_similarity:CKA",
        "taskemb": f"{_HERE}.model_similarity:TASKEMB",
        "prequential": f"{_HERE}.prequential:PREQUENTIAL",
        "prequential-ratio": f"{_HERE}.prequential:PREQUENTIAL_RATIO",
        "confidence": f"{_HERE}.dynamics:CONFIDENCE",
        "variability": f"{_HERE}.dynamics:VARIABILITY",
        "correctness": f"{_HERE}.dynamics:CORRECTNESS",
        "input-only": f"{_HERE}.input_only:INPUT_ONLY",
    },
)
"""Name → measure; other packages add theirs by the entry point `xstilts.measures`."""


def compile_measures(
    loaded: LoadedExperiment, names: Sequence[str]
) -> tuple[tuple[Stage, ...], tuple[MeasureRef, ...]]:
    """The stages that hold some measures of an experiment, and where each is found.

    Stages come after their inputs; those of the experiment itself among them have its keys, so
    that both can go into one plan. Made without torch, weights or data.

    Raises:
        ConfigError: names that do not exist or do not fit together.
    """
    known = ResolvedExperiment(loaded)
    check(known, [parse_setting(text) for text in loaded.experiment.intermediate])
    ground = MeasureContext(Compiler(known, StageGraph(known)))
    chosen = {name: MEASURES.get(name, where="measures") for name in names}
    measured = [found for name, one in chosen.items() for found in one.build(ground, name)]
    return tuple(ground.graph.stages.values()), tuple(measured)
