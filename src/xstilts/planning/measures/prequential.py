"""How many bits a task's labels take when a model learns them on the way.

Online code (Blier & Ollivier 2018): the first eighth of the training rows is sent with a uniform
code; models trained on the first eighth, quarter and half code what follows, up to the double.
A model's loss on a block is the block's code length in nats.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from xstilts.config.intermediate import mixture_name
from xstilts.planning.cost import forward_cost, sample_cost
from xstilts.planning.measures.base import (
    Found,
    Measure,
    MeasureContext,
    MeasureRef,
    SingleTaskSetting,
)
from xstilts.tasks.base import TaskSpec

Bound = tuple[int, int]
BOUNDS: tuple[Bound, ...] = ((0, 1), (1, 8), (1, 4), (1, 2), (1, 1))
"""Where the blocks begin and end, as shares of the training rows; a documented default."""


def _coded(context: MeasureContext, name: str) -> Iterator[MeasureRef]:
    for single in context.singles:
        if single.task.format_spec.has_gold_probability:
            for seed in context.seeds:
                keys = tuple(_PrequentialCode(context, single, seed).blocks())
                yield MeasureRef(name, single.name, seed=seed, keys=keys)


class _PrequentialCode:
    """The blocks of a task's labels and the models that code them."""

    def __init__(self, context: MeasureContext, setting: SingleTaskSetting, seed: int) -> None:
        self.ground, self.single, self.seed = context, setting, seed
        self.count = context.compiler.expected_rows(setting.task, setting.part, "train")

    def blocks(self) -> Iterator[str]:
        """The stages that count the bits of each block."""
        for low, high in pairwise(BOUNDS):
            yield self._surprise(low, high)

    def _surprise(self, low: Bound, high: Bound) -> str:
        ground, task = self.ground, self.single.task
        rows = ground.rows(self.single.part, "train")
        inputs = {f"rows:{code}": self._cut(key, code, low, high) for code, key in rows.items()}
        inputs["encoder"] = ground.graph.encoder
        block = f"{self.single.name} {_share(low)} to {_share(high)}"
        if not low[0]:
            return ground.add(
                "surprise", ground.head(self.single), inputs, f"{block} uniform", sample_cost(0)
            )
        inputs["model"] = self._trained(low)
        subwords = self.count * task.subwords * (high[0] / high[1] - low[0] / low[1])
        cost = forward_cost(ground.graph.source.defaults, subwords, 20 * self.count)
        what = f"{block} seed {self.seed}"
        return ground.add("surprise", ground.head(self.single), inputs, what, cost)

    def _trained(self, high: Bound) -> str:
        """The training on the rows before a block."""

        def rows(task: TaskSpec, role: str, language: str) -> str:
            whole = self.ground.graph.training_rows(task, role, language)
            return self._cut(whole, language, BOUNDS[0], high) if role == "train" else whole

        (mixture,) = self.single.setting.chain
        label = f"train {mixture_name(mixture)} up to {_share(high)} seed {self.seed}"
        recipe = self.ground.compiler.resolved.recipe(None)
        portion = high[0] / high[1]
        return self.ground.compiler.train(
            mixture, None, recipe, self.seed, label, rows=rows, portion=portion
        )

    def _cut(self, rows: str, language: str, low: Bound, high: Bound) -> str:
        what = f"{self.single.task.name} {language} {_share(low)} to {_share(high)}"
        params = {"low": list(low), "high": list(high)}
        return self.ground.add("cut", params, {"rows": rows}, what, sample_cost(self.count))


def _share(bound: Bound) -> str:
    top, bottom = bound
    return str(top) if bottom == 1 else f"{top}/{bottom}"


def _per_example(found: Found) -> float:
    return float(sum(facts["bits"] for facts in found) / sum(facts["examples"] for facts in found))


def _over_uniform(found: Found) -> float:
    return float(sum(facts["bits"] for facts in found) / sum(facts["uniform"] for facts in found))


PREQUENTIAL = Measure(
    "prequential code of the training labels, bits an example", _coded, _per_example
)
PREQUENTIAL_RATIO = Measure("prequential over uniform code length", _coded, _over_uniform)
