"""The stages of an experiment as they are found, each once, in an order that can be run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from xstilts.config.experiment import Experiment
from xstilts.core.stage import Cost, Stage
from xstilts.metrics import METRICS
from xstilts.models.encoder_source import EncoderSource
from xstilts.planning.cost import encoder_cost, prepare_cost, translate_cost
from xstilts.planning.resolve import ResolvedExperiment
from xstilts.stages import STAGE_KINDS
from xstilts.tasks.base import TaskSpec
from xstilts.translate import key_params


@dataclass(frozen=True)
class EvalSet:
    """A target's examples in one language, and how they are scored.

    Args:
        rows: key of the stage that prepares them.
        count: how many to expect.
        scoring: the parameters of their score stages.
    """

    language: str
    rows: str
    count: int
    scoring: Mapping[str, Any]


@dataclass
class StageGraph:
    """Stages by key, and those that every part of an experiment asks for."""

    names: ResolvedExperiment
    stages: dict[str, Stage] = field(default_factory=dict)
    prepared: dict[tuple[str, str, str], str] = field(default_factory=dict)
    samples: dict[tuple[str, str], EvalSet] = field(default_factory=dict)

    @property
    def experiment(self) -> Experiment:
        """The experiment as written."""
        return self.names.experiment

    @property
    def source(self) -> EncoderSource:
        """Where the encoder comes from."""
        return self.names.source

    def add(
        self,
        kind: str,
        params: Mapping[str, Any],
        inputs: Mapping[str, str],
        label: str,
        cost: Cost,
        **rest: Any,
    ) -> str:
        """Add a stage, if it is new, and return its key."""
        stage = Stage(kind, STAGE_KINDS.get(kind).version, params, inputs, label, cost, **rest)
        return self.stages.setdefault(stage.key, stage).key

    @cached_property
    def encoder(self) -> str:
        """The pretrained encoder."""
        folder = self.source.folder
        return self.add(
            "encoder",
            {"source": self.source.params},
            {},
            f"encoder {self.source.name}",
            encoder_cost(self.source.defaults),
            context={"folder": str(folder)} if folder else {},
        )

    def prepare_stage(self, task: TaskSpec, part: str, language: str) -> str:
        """The examples that play a part, in one language."""
        place = task.name, part, language
        if place not in self.prepared:  # every setting and seed asks for the same ones
            self.prepared[place] = self._prepare(task, part, language)
        return self.prepared[place]

    def _prepare(self, task: TaskSpec, part: str, language: str) -> str:
        share = self.names.split_slice(task, part)
        params = {
            "task": task.name,
            "version": task.version,
            "split": share.split,
            "language": language,
            "limit": self.names.limit(task.name, part),
            "data": task.fingerprint(share.split, language),
        }
        if not share.is_full_split:
            params["share"] = [share.low, share.high]
        return self.add(
            "prepare",
            params,
            {},
            f"prepare {task.name} {share.name} {language}",
            prepare_cost(self.names.expected_rows(task, part, language)),
            affinity=f"prepare {language}",
            context=self._worker_context(task),
        )

    def _worker_context(self, task: TaskSpec) -> dict[str, Any]:
        """Where a worker finds the task and its data."""
        data = self.names.data
        context: dict[str, Any] = {"data": str(data)} if data else {}
        if task.with_revisions and self.experiment.revisions:
            context["revisions"] = dict(self.experiment.revisions)
        if own := self.experiment.tasks.get(task.name):
            context["folder"] = str(self.names.loaded.folder)
            context["file_task"] = own.model_dump(mode="json")
        return context

    def training_rows(self, task: TaskSpec, role: str, language: str) -> str:
        """The task's own data in a language, else its English data translated into it."""
        choice, names = self.experiment.translator, self.names
        if choice is None or language in task.splits.get(names.split_slice(task, role).split, ()):
            return self.prepare_stage(task, role, language)
        source, folder = task.train_language, names.loaded.folder
        params = {
            "translator": key_params(choice, source, language, folder, task.name),
            "source": source,
            "target": language,
            "format": task.format,
        }
        context = {
            "translator": choice.model_dump(mode="json"),
            "folder": str(folder),
            "task": task.name,
        }
        return self.add(
            "translate",
            params,
            {"rows": self.prepare_stage(task, role, source)},
            f"translate {task.name} {names.split_slice(task, role).name} {language}",
            translate_cost(names.expected_rows(task, role, source)),
            context=context,
        )

    def eval_set(self, task: TaskSpec, language: str) -> EvalSet:
        """What a target is evaluated on in one language."""
        place, part = (task.name, language), self.experiment.eval_split
        if place not in self.samples:
            self.samples[place] = EvalSet(
                language,
                self.prepare_stage(task, part, language),
                self.names.expected_rows(task, part, language),
                scoring(task, language),
            )
        return self.samples[place]


def scoring(task: TaskSpec, language: str) -> dict[str, Any]:
    """The parameters of a score stage."""
    versions = {name: METRICS.get(name).version for name in task.metrics}
    known = language_of(language, task.metrics)
    return {"format": task.format, "metrics": versions, **known}


def language_of(language: str, metrics: tuple[str, ...]) -> dict[str, str]:
    """The language as a parameter, for stages whose metrics depend on it."""
    needed = any(METRICS.get(name).by_language for name in metrics)
    return {"language": language} if needed else {}
