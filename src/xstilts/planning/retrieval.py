"""Targets that are searched by vectors: no training of their own, a score per layer and pooling."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

from xstilts.formats.spec import SearchSpec
from xstilts.planning.cost import forward_cost, score_cost, search_cost
from xstilts.planning.graph import StageGraph, scoring
from xstilts.planning.target_name import TargetName
from xstilts.tasks.base import TaskSpec


def compile_retrieval(
    graph: StageGraph, task: TaskSpec, trained: tuple[str, ...], after: str
) -> Iterator[tuple[str, str, str]]:
    """Name, language and score stage of every cell of a target after a setting.

    Args:
        trained: the training stages of the setting; none for the encoder as it is.
        after: the setting and its seed in words.
    """
    ways = list(product(graph.names.layers(), graph.names.poolings()))
    for way in ways:
        name = str(TargetName(task.name, *way) if len(ways) > 1 else TargetName(task.name))
        for language in graph.names.languages(task):
            if language != task.pool_split:
                what = f"{name} {after} {language}"
                yield (
                    name,
                    language,
                    _RetrievalCompiler(graph, task, language, trained, way, what).score(),
                )


@dataclass(frozen=True)
class _RetrievalCompiler:
    """One language of a target, searched with the vectors of one layer and pooling.

    Args:
        what: it in words.
    """

    graph: StageGraph
    task: TaskSpec
    language: str
    trained: tuple[str, ...]
    way: tuple[int, str]
    what: str

    @property
    def search(self) -> SearchSpec:
        """How the task's format is searched."""
        search = self.task.format_spec.search
        assert search is not None
        return search

    @property
    def sides(self) -> dict[str, str]:
        """The two collections, as the task calls them."""
        return {
            "here": self.language,
            "english": self.task.pool_split.format(language=self.language),
        }

    def score(self) -> str:
        """The stage that scores what was found; a threshold is tuned on dev where there is one."""
        names, part = self.graph.names, self.graph.experiment.eval_split
        tuning: dict[str, str] = {}
        if self.search.tunes_threshold and self._can_tune():
            tuning = {f"tuning:{name}": key for name, key in self._found("dev", {}).items()}
        inputs = self._found(part, tuning)
        cost = score_cost(2 * names.expected_rows(self.task, part, self.language))
        params = scoring(self.task, self.language)
        return self.graph.add("score", params, inputs, f"score {self.what}", cost)

    def _can_tune(self) -> bool:
        """Whether there is a dev set apart from what is evaluated."""
        task, names = self.task, self.graph.names
        dev, evaluated = (
            names.split_slice(task, "dev"),
            names.split_slice(task, names.experiment.eval_split),
        )
        return self.language in task.splits.get(dev.split, ()) and not dev.overlaps(evaluated)

    def _found(self, part: str, tuning: dict[str, str]) -> dict[str, str]:
        """The inputs of a score: both sides' rows, and what was found with their vectors."""
        graph, task = self.graph, self.task
        rows, vectors = {}, {}
        for side, code in self.sides.items():
            rows[f"rows:{side}"] = graph.prepare_stage(task, part, code)
            vectors[f"vectors:{side}"] = self._vectors(part, code)
        kind, settings = self.search.stage, graph.experiment.retrieval
        params: dict[str, Any] = {"layer": self.way[0], "pooling": self.way[1]}
        params |= {name: getattr(settings, name) for name in self.search.settings}
        label = f"{kind} {self.what}{' dev' if part != graph.experiment.eval_split else ''}"
        counts = (graph.names.expected_rows(task, part, code) for code in self.sides.values())
        cost = search_cost(graph.source.defaults, *counts)
        found = graph.add(kind, params, {**rows, **vectors, **tuning}, label, cost)
        return {**rows, **tuning, "predictions": found}

    def _vectors(self, part: str, code: str) -> str:
        """One pass of the encoder over a side; the vectors of every layer and pooling."""
        graph, task, trained = self.graph, self.task, self.trained
        names, habits = graph.names, graph.source.defaults
        inputs = {"encoder": graph.encoder, "rows": graph.prepare_stage(task, part, code)}
        if trained:
            inputs["base"] = trained[-1]
        layers, poolings = names.layers(), names.poolings()
        params = {
            "format": task.format,
            "layers": list(layers),
            "poolings": list(poolings),
            "max_length": graph.experiment.retrieval.max_length,
        }
        count = names.expected_rows(task, part, code)
        size = 4 * habits.width * count * len(layers) * len(poolings)
        cost = forward_cost(habits, count * task.subwords, size)
        affinity = trained[-1] if trained else graph.encoder
        label = f"embed {self.what} {code}"
        return graph.add("embed", params, inputs, label, cost, affinity=affinity)
