"""Dev score of a model trained on a part of the input; see `stages.partial_input`."""

from __future__ import annotations

from collections.abc import Iterator

from xstilts.planning.cost import prepare_cost
from xstilts.planning.measures.base import Measure, MeasureContext, MeasureRef
from xstilts.planning.measures.baselines import dev_score
from xstilts.tasks.base import TaskSpec


def _partial_input(context: MeasureContext, name: str) -> Iterator[MeasureRef]:
    def rows(task: TaskSpec, role: str, language: str) -> str:
        rows_key = context.graph.training_rows(task, role, language)
        cost = prepare_cost(context.compiler.resolved.expected_rows(task, role, language))
        what = f"{task.name} {role} {language}"
        return context.add("withhold", {"format": task.format}, {"rows": rows_key}, what, cost)

    for single in context.singles:
        if not single.task.format_spec.input_only:
            continue
        for seed in context.seeds:
            recipe = context.compiler.resolved.recipe(None)
            label = f"train {single.name} in part seed {seed}"
            mixture, base = (single.part,), context.start(seed)
            key = context.compiler.train(mixture, base, recipe, seed, label, rows=rows)
            yield MeasureRef(name, single.name, seed=seed, keys=(key,))


INPUT_ONLY = Measure(
    "dev score of a model that sees a part of the input", _partial_input, dev_score
)
