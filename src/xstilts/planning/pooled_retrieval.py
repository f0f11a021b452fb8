"""Compile targets that are searched in one pool of candidates in all languages."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from xstilts.core.warn_once import warn_once
from xstilts.formats.answer_retrieval import CANDIDATES
from xstilts.planning.cost import score_cost, search_cost
from xstilts.planning.embed_stages import EmbedStages
from xstilts.planning.graph import scoring
from xstilts.planning.resolve import ResolvedExperiment
from xstilts.stages.io.retrieval_pool import POOL, QUERIES
from xstilts.tasks.base import TaskSpec

logger = logging.getLogger(__name__)


def warn_of_languages_without_candidates(resolved: ResolvedExperiment) -> None:
    """Warn, once, of languages that are searched only in the candidates of other languages."""
    for name in resolved.experiment.targets:
        if lacking := languages_without_candidates(resolved, resolved.task(name)):
            listed = ", ".join(lacking)
            warn_once(logger, "%s: no candidates in %s: searched in other languages", name, listed)


def languages_without_candidates(resolved: ResolvedExperiment, task: TaskSpec) -> tuple[str, ...]:
    """The evaluated languages that no part of the pool is named after.

    None if a part has no language, or if the task has no pool.
    """
    named = {part.removeprefix(CANDIDATES).lstrip(":-_.") for part in task.pool_parts}
    if "" in named or not named:
        return ()
    return tuple(code for code in resolved.languages(task) if code not in named)


@dataclass(frozen=True)
class PooledSearch:
    """Compiles one language of a target for one layer and pooling.

    The pool is that of the task, however few languages are evaluated.

    Args:
        what: description for labels.
    """

    embedding: EmbedStages
    language: str
    output: tuple[int, str]
    what: str

    @property
    def shared(self) -> str:
        """Description without the language, as all languages share the pool."""
        return self.what.removesuffix(f" {self.language}")

    def score(self) -> str:
        """Add the score stage."""
        graph, task = self.embedding.graph, self.embedding.task
        part = graph.experiment.eval_split
        inputs = {
            "rows": graph.prepare_stage(task, part, self.language),
            "predictions": self._search(part),
        }
        cost = score_cost(graph.resolved.expected_rows(task, part, self.language))
        return graph.add("score", scoring(task, self.language), inputs, f"score {self.what}", cost)

    def _search(self, part: str) -> str:
        graph, task, settings = (
            self.embedding.graph,
            self.embedding.task,
            self.embedding.settings,
        )
        sides = {QUERIES: (self.language, settings.query_length)}
        sides |= {f"{POOL}{name}": (name, settings.max_length) for name in task.pool_parts}
        inputs, counts = {}, {}
        for role, (code, max_length) in sides.items():
            inputs[f"rows:{role}"] = graph.prepare_stage(task, part, code)
            inputs[f"vectors:{role}"] = self.embedding.add(part, code, max_length, self.shared)
            counts[role] = graph.resolved.expected_rows(task, part, code)
        queries = counts.pop(QUERIES)
        return graph.add(
            "search-pool",
            {"layer": self.output[0], "pooling": self.output[1]},
            inputs,
            f"search-pool {self.what}",
            search_cost(graph.source.defaults, queries, sum(counts.values())),
        )
