"""Compile retrieval targets: one score per layer and pooling of sentence vectors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from xstilts.formats.spec import SearchSpec
from xstilts.planning.cost import score_cost, search_cost
from xstilts.planning.embed_stages import EmbedStages
from xstilts.planning.graph import StageGraph, scoring
from xstilts.planning.pooled_retrieval import PooledSearch
from xstilts.planning.target_name import TargetName
from xstilts.planning.vector_settings import vector_settings
from xstilts.tasks.base import TaskSpec


def compile_retrieval(
    graph: StageGraph, task: TaskSpec, trained: tuple[str, ...], after: str
) -> Iterator[tuple[str, str, str]]:
    """Yield name, language and score stage of every cell of a target after a setting.

    Args:
        trained: training stages that lead to the encoder; empty for the pretrained encoder.
        after: description of the setting and its seed, for labels.
    """
    settings = vector_settings(graph.resolved, task)
    embedding = EmbedStages(graph, task, trained, settings)
    compiler = PooledSearch if task.pool_parts else _PairwiseSearch
    for output in settings.outputs:
        swept = len(settings.outputs) > 1
        name = str(TargetName(task.name, *output) if swept else TargetName(task.name))
        for language in graph.resolved.languages(task):
            if task.pool_parts or language != task.pool_split:
                what = f"{name} {after} {language}"
                yield name, language, compiler(embedding, language, output, what).score()


@dataclass(frozen=True)
class _PairwiseSearch:
    """Compiles one language of a target, searched in English, for one layer and pooling.

    Args:
        what: description for labels.
    """

    embedding: EmbedStages
    language: str
    output: tuple[int, str]
    what: str

    @property
    def graph(self) -> StageGraph:
        """The graph that stages are added to."""
        return self.embedding.graph

    @property
    def task(self) -> TaskSpec:
        """The target."""
        return self.embedding.task

    @property
    def search(self) -> SearchSpec:
        """Search specification of the task's format."""
        search = self.task.format_spec.search
        assert search is not None
        return search

    @property
    def sides(self) -> dict[str, str]:
        """Side → split language of its sentences."""
        return {
            "here": self.language,
            "english": self.task.pool_split.format(language=self.language),
        }

    def score(self) -> str:
        """Add the score stage; a threshold is tuned on dev if there is one."""
        resolved, part = self.graph.resolved, self.graph.experiment.eval_split
        tuning: dict[str, str] = {}
        if self.search.tunes_threshold and self._can_tune():
            tuning = {f"tuning:{name}": key for name, key in self._search_inputs("dev", {}).items()}
        inputs = self._search_inputs(part, tuning)
        cost = score_cost(2 * resolved.expected_rows(self.task, part, self.language))
        params = scoring(self.task, self.language)
        return self.graph.add("score", params, inputs, f"score {self.what}", cost)

    def _can_tune(self) -> bool:
        """Whether there is a dev set that does not overlap the evaluation set."""
        task, resolved = self.task, self.graph.resolved
        dev, evaluated = (
            resolved.split_slice(task, "dev"),
            resolved.split_slice(task, resolved.experiment.eval_split),
        )
        return self.language in task.splits.get(dev.split, ()) and not dev.overlaps(evaluated)

    def _search_inputs(self, part: str, tuning: dict[str, str]) -> dict[str, str]:
        """Inputs of the score stage: rows of both sides, and the search results."""
        graph, task = self.graph, self.task
        rows, vectors = {}, {}
        for side, code in self.sides.items():
            rows[f"rows:{side}"] = graph.prepare_stage(task, part, code)
            vectors[f"vectors:{side}"] = self.embedding.add(
                part, code, self.embedding.settings.max_length, self.what
            )
        kind, settings = self.search.stage, graph.experiment.retrieval
        params: dict[str, Any] = {"layer": self.output[0], "pooling": self.output[1]}
        params |= {name: getattr(settings, name) for name in self.search.settings}
        label = f"{kind} {self.what}{' dev' if part != graph.experiment.eval_split else ''}"
        counts = (graph.resolved.expected_rows(task, part, code) for code in self.sides.values())
        cost = search_cost(graph.source.defaults, *counts)
        found = graph.add(kind, params, {**rows, **vectors, **tuning}, label, cost)
        return {**rows, **tuning, "predictions": found}
