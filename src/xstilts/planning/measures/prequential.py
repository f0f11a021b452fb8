"""How many bits a task's labels take when a model learns them on the way.

Online code (Blier & Ollivier 2018): the first eighth of the training rows is sent with a uniform
code; models trained on the first eighth, quarter and half code what follows, up to the double.
A model's loss on a block is the block's code length in nats.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from xstilts.planning.cost import forward_cost, sample_cost
from xstilts.planning.evaluation_precision import precision_params
from xstilts.planning.graph import SAMPLE
from xstilts.planning.measures.base import (
    Measure,
    MeasureContext,
    MeasureRef,
    SingleTaskSetting,
    StageFacts,
)
from xstilts.tasks.base import TaskSpec

Bound = tuple[int, int]
BOUNDS: tuple[Bound, ...] = ((0, 1), (1, 8), (1, 4), (1, 2), (1, 1))
"""Boundaries of the blocks, as fractions of the training rows; see docs/reference/measures.md."""


def _codes(context: MeasureContext, name: str) -> Iterator[MeasureRef]:
    for single in context.singles:
        if single.task.format_spec.has_gold_probability:
            for seed in context.seeds:
                keys = tuple(_PrequentialCode(context, single, seed).blocks())
                yield MeasureRef(name, single.name, seed=seed, keys=keys)


class _PrequentialCode:
    """The blocks of a task's labels, and the models that encode them."""

    def __init__(self, context: MeasureContext, setting: SingleTaskSetting, seed: int) -> None:
        self.context, self.single, self.seed = context, setting, seed
        self.count = context.compiler.expected_rows(setting.task, setting.part, "train")

    def blocks(self) -> Iterator[str]:
        """The stages that compute the code length of each block."""
        for low, high in pairwise(BOUNDS):
            yield self._code_length(low, high)

    def _code_length(self, low: Bound, high: Bound) -> str:
        context, task = self.context, self.single.task
        rows = context.rows(self.single.part, "train")
        inputs = {f"rows:{code}": self._cut(key, code, low, high) for code, key in rows.items()}
        inputs["encoder"] = context.graph.encoder
        block = f"{self.single.name} {_fraction(low)} to {_fraction(high)}"
        if not low[0]:
            return context.add(
                "surprise", context.head(self.single), inputs, f"{block} uniform", sample_cost(0)
            )
        inputs["model"] = self._trained(low)
        subwords = self.count * task.subwords * (high[0] / high[1] - low[0] / low[1])
        cost = forward_cost(context.graph.source.defaults, subwords, 20 * self.count)
        what = f"{block} seed {self.seed}"
        params = context.head(self.single) | precision_params(
            context.compiler.resolved.recipe(None)
        )
        return context.add("surprise", params, inputs, what, cost)

    def _trained(self, high: Bound) -> str:
        """The stage that trains on the rows before a block."""

        def rows(task: TaskSpec, role: str, language: str) -> str:
            key = self.context.graph.training_rows(task, role, language)
            return self._cut(key, language, BOUNDS[0], high) if role == "train" else key

        mixture, base = (self.single.part,), self.context.start(self.seed)
        label = f"train {self.single.name} up to {_fraction(high)} seed {self.seed}"
        recipe = self.context.compiler.resolved.recipe(None)
        portion = high[0] / high[1]
        return self.context.compiler.train(
            mixture, base, recipe, self.seed, label, rows=rows, portion=portion
        )

    def _cut(self, rows: str, language: str, low: Bound, high: Bound) -> str:
        what = f"{self.single.task.name} {language} {_fraction(low)} to {_fraction(high)}"
        params: dict[str, Any] = {"low": list(low), "high": list(high)}
        if self.single.task.in_file_order:
            params["sample"] = SAMPLE
        return self.context.add("cut", params, {"rows": rows}, what, sample_cost(self.count))


def _fraction(bound: Bound) -> str:
    numerator, denominator = bound
    return str(numerator) if denominator == 1 else f"{numerator}/{denominator}"


def _per_example(facts: StageFacts) -> float:
    return float(sum(stage["bits"] for stage in facts) / sum(stage["examples"] for stage in facts))


def _over_uniform(facts: StageFacts) -> float:
    return float(sum(stage["bits"] for stage in facts) / sum(stage["uniform"] for stage in facts))


PREQUENTIAL = Measure(
    "prequential code of the training labels, bits an example", _codes, _per_example
)
PREQUENTIAL_RATIO = Measure("prequential over uniform code length", _codes, _over_uniform)
