"""The stages that embed the sentences of a retrieval target."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from xstilts.planning.cost import forward_cost
from xstilts.planning.evaluation_precision import precision_params
from xstilts.planning.graph import StageGraph
from xstilts.planning.vector_settings import VectorSettings
from xstilts.tasks.base import TaskSpec


@dataclass(frozen=True)
class EmbedStages:
    """Adds the embeddings of a target's sentences after some trainings.

    Args:
        trained: training stages that lead to the encoder; empty for the pretrained encoder.
    """

    graph: StageGraph
    task: TaskSpec
    trained: tuple[str, ...]
    settings: VectorSettings

    def add(self, part: str, code: str, max_length: int, what: str) -> str:
        """Key of the stage that embeds a split language for all layers and poolings.

        Args:
            what: description for the label.
        """
        graph, task, trained, settings = self.graph, self.task, self.trained, self.settings
        resolved, defaults = graph.resolved, graph.source.defaults
        inputs = {
            "encoder": graph.encoder,
            "rows": graph.prepare_stage(task, part, code),
            **(base := graph.starting_from(trained)),
        }
        params: dict[str, Any] = {
            "format": task.format,
            "layers": list(settings.layers),
            "poolings": list(settings.poolings),
            "max_length": max_length,
        }
        if settings.prompt:
            params["prompt"] = settings.prompt
        if graph.experiment.retrieval.final_norm and min(settings.layers) < defaults.layers:
            params["final_norm"] = True
        params |= precision_params(graph.experiment.retrieval)
        count = resolved.expected_rows(task, part, code)
        size = 4 * defaults.width * count * len(settings.outputs)
        cost = forward_cost(defaults, count * task.subwords, size)
        affinity = base.get("base", graph.encoder)
        label = f"embed {what} {code}"
        return graph.add("embed", params, inputs, label, cost, affinity=affinity)
