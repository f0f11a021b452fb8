"""Measures: properties of tasks and trained models, computed by separate stages.

A measure adds stages to the graph of the experiment, refers to them by their keys, and reads its
value from their facts. docs/reference/measures.md has their formulas and sources.
"""

from __future__ import annotations

from collections.abc import Sequence

from xstilts.config.intermediate import parse_setting
from xstilts.config.load import LoadedExperiment
from xstilts.core.registry import Registry
from xstilts.core.stage import Stage
from xstilts.planning.compile import Compiler
from xstilts.planning.encoder_experiments import encoder_experiments
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
    """The stages that compute measures of an experiment, and references to their values.

    Stages come after their inputs. Stages that the experiment has too have the same keys, so both
    can be merged into one plan. Needs no torch, weights or data.

    Raises:
        ConfigError: unknown names, or names that cannot be combined.
    """
    singles = encoder_experiments(loaded)  # with the encoder's own recipe applied
    resolved = ResolvedExperiment(singles[0] if len(singles) == 1 else loaded)
    check(resolved, [parse_setting(text) for text in loaded.experiment.intermediate])
    compiler = Compiler(resolved, StageGraph(resolved))
    compiler.adapt()
    context = MeasureContext(compiler)
    chosen = {name: MEASURES.get(name, where="measures") for name in names}
    references = [ref for name, measure in chosen.items() for ref in measure.build(context, name)]
    return tuple(context.graph.stages.values()), tuple(references)
