"""What a model thinks of its training examples after each epoch (Swayamdipta et al. 2020)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from xstilts.planning.measures.base import (
    Measure,
    MeasureContext,
    MeasureRef,
    StageFacts,
)


def _dynamics(context: MeasureContext, name: str) -> Iterator[MeasureRef]:
    for single in context.singles:
        if not single.task.format_spec.has_gold_probability:
            continue
        for seed in context.seeds:
            recipe = context.compiler.resolved.recipe(None)
            label = f"dynamics {single.name} seed {seed}"
            mixture, base = (single.part,), context.start(seed)
            key = context.compiler.train(mixture, base, recipe, seed, label, kind="dynamics")
            yield MeasureRef(name, single.name, seed=seed, keys=(key,))


def _mean(name: str, facts: StageFacts) -> float:
    return float(facts[0].get(name, float("nan")))


CONFIDENCE = Measure(
    "mean probability of gold over epochs and examples", _dynamics, partial(_mean, "confidence")
)
VARIABILITY = Measure(
    "mean over examples of its deviation over epochs", _dynamics, partial(_mean, "variability")
)
CORRECTNESS = Measure(
    "share of epochs with the right answer", _dynamics, partial(_mean, "correctness")
)
