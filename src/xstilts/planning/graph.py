"""The graph of an experiment's stages: each stage once, in a runnable order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from xstilts.config.experiment import Experiment
from xstilts.config.intermediate import parse_setting
from xstilts.config.split_slices import SplitSlice
from xstilts.core.shared_values import SharedValues
from xstilts.core.stage import Cost, Stage
from xstilts.metrics import METRICS
from xstilts.models.encoder_source import EncoderSource
from xstilts.planning.cost import encoder_cost, prepare_cost, translate_cost
from xstilts.planning.images import ImageInputs, image_context
from xstilts.planning.resolve import ResolvedExperiment
from xstilts.planning.vector_settings import reads_first_token
from xstilts.stages import STAGE_KINDS
from xstilts.stages.io.image_roles import VISION
from xstilts.tasks.base import TaskSpec
from xstilts.translate import key_params
from xstilts.translate.base import Direction

MASKED_HEAD = 2
"""Version of the reading of masked LM heads, in keys only of encoders that version 1 read
otherwise."""
SAMPLE = 1
"""How a limit takes examples of files in their own order: 1, by the digests of their ids."""


@dataclass(frozen=True)
class EvalSet:
    """The evaluation examples of a target in one language.

    Args:
        rows: key of the stage that prepares them.
        count: expected number of rows.
        scoring: the parameters of their score stages.
    """

    language: str
    rows: str
    count: int
    scoring: Mapping[str, Any]


@dataclass
class StageGraph:
    """Stages by key, and the stages that several parts of an experiment share."""

    resolved: ResolvedExperiment
    stages: dict[str, Stage] = field(default_factory=dict)
    prepared: dict[tuple[str, str, str], str] = field(default_factory=dict)
    samples: dict[tuple[str, str], EvalSet] = field(default_factory=dict)
    shared: SharedValues = field(default_factory=SharedValues)
    adapted: str = ""
    """Key of the training that adapts the pretrained encoder; empty for none."""

    @property
    def experiment(self) -> Experiment:
        """The experiment as written."""
        return self.resolved.experiment

    @property
    def source(self) -> EncoderSource:
        """Source of the encoder."""
        return self.resolved.source

    def starting_from(self, trainings: Sequence[str | None]) -> dict[str, str]:
        """The input `base` of a stage that reads the encoder after the last of some trainings.

        Without any it reads the adapted encoder; empty if that is the pretrained one.
        """
        base = (trainings[-1] if trainings else None) or self.adapted
        return {"base": base} if base else {}

    def add(
        self,
        kind: str,
        params: Mapping[str, Any],
        inputs: Mapping[str, str],
        label: str,
        cost: Cost,
        **rest: Any,
    ) -> str:
        """Add a stage unless it exists, and return its key.

        Stages that read images get the vision tower as an input.
        """
        if tasks := self.images.read_by(kind, inputs.values()):
            inputs, rest = self._with_vision(tasks, inputs, rest)
        version = STAGE_KINDS.get(kind).version
        stage = self.shared.stage(Stage(kind, version, params, inputs, label, cost, **rest))
        self.images.derived(stage.key, inputs)
        return self.stages.setdefault(stage.key, stage).key

    @cached_property
    def images(self) -> ImageInputs:
        """The tasks with images, and the vision tower."""
        return ImageInputs(self.resolved)

    def _with_vision(
        self, tasks: Sequence[TaskSpec], inputs: Mapping[str, str], rest: dict[str, Any]
    ) -> tuple[Mapping[str, str], dict[str, Any]]:
        """Inputs and other settings of a stage that reads rows of tasks with images."""
        if all(task.withholds_image for task in tasks):
            return inputs, rest
        tower = self.images.tower
        self.stages.setdefault(tower.key, tower)
        locations = {task.name: self._worker_context(task) for task in tasks}
        context = {**rest.get("context", {}), **image_context(tasks, locations)}
        return {**inputs, VISION: tower.key}, {**rest, "context": context}

    @cached_property
    def encoder(self) -> str:
        """Key of the stage of the pretrained encoder."""
        folder = self.source.folder
        context: dict[str, Any] = {"folder": str(folder)} if folder else {}
        if self.source.defaults.assumed:
            context["assumed"] = self.source.defaults.reading(masked_lm=self._trains_masked_lm)
        params: dict[str, Any] = {"source": self.source.params}
        if self.source.defaults.lower_case:
            params["lower_case"] = True
        if self._trains_masked_lm:
            context["masked_lm"] = True
            if self.source.defaults.masked_head:
                params["masked_head"] = MASKED_HEAD
        if reads_first_token(self.resolved):
            context["first_token"] = True
        return self.add(
            "encoder",
            params,
            {},
            f"encoder {self.resolved.encoder_name}",
            encoder_cost(self.source.defaults),
            context=context,
        )

    @property
    def _trains_masked_lm(self) -> bool:
        """Whether an intermediate task predicts masked tokens, for which the encoder has a mask."""
        settings = map(parse_setting, self.experiment.intermediate)
        tasks = (self.resolved.task(name) for setting in settings for name in setting.tasks)
        formats = (task.format_spec.training for task in tasks)
        return any(training is not None and training.tied for training in formats)

    def prepare_stage(self, task: TaskSpec, part: str, language: str) -> str:
        """Key of the stage that prepares train, dev or test in one language."""
        place = task.name, part, language
        if place not in self.prepared:  # all settings and seeds share them
            self.prepared[place] = self._prepare(task, part, language)
        return self.prepared[place]

    def _prepare(self, task: TaskSpec, part: str, language: str) -> str:
        share = self.resolved.split_slice(task, part)
        limit = self.resolved.rows_limit(task, part, language)
        return self.prepare_slice(
            task, share, limit, language, self.resolved.expected_rows(task, part, language)
        )

    def prepare_slice(
        self,
        task: TaskSpec,
        share: SplitSlice,
        limit: int | None,
        language: str,
        rows: int,
        **more: Any,
    ) -> str:
        """Key of the stage that prepares some rows of a task in one language.

        Args:
            limit: maximum number of rows.
            rows: expected number.
            more: further parameters of the stage.
        """
        params = {
            "task": task.name,
            "version": task.version,
            "split": share.split,
            "language": language,
            "limit": limit,
            "data": task.fingerprint(share.split, language),
            **more,
        }
        if limit is not None and task.in_file_order:
            params["sample"] = SAMPLE
        if not share.is_full_split:
            params["share"] = [share.low, share.high]
        if task.alignment_version > 1 and (limit is not None or not share.is_full_split):
            params["alignment_version"] = task.alignment_version
        key = self.add(
            "prepare",
            params,
            {},
            f"prepare {task.name} {share.name} {language}",
            prepare_cost(rows),
            affinity=f"prepare {language}",
            context=self._worker_context(task),
        )
        self.images.prepared(key, task, share.split)
        return key

    def _worker_context(self, task: TaskSpec) -> dict[str, Any]:
        """Context that a worker needs to find the task and its data."""
        data = self.resolved.data
        context: dict[str, Any] = {"data": str(data)} if data else {}
        if task.with_revisions and self.experiment.revisions:
            context["revisions"] = dict(self.experiment.revisions)
        if task.shuffled_from:
            context["shuffled_from"] = task.shuffled_from
        if own := self.experiment.tasks.get(task.shuffled_from or task.name):
            context["folder"] = str(self.resolved.loaded.folder)
            context["file_task"] = own.model_dump(mode="json")
        return {**context, **task.worker_context}

    def training_rows(self, task: TaskSpec, role: str, language: str) -> str:
        """Key of a task's rows in a language; translated from English if it has none."""
        resolved = self.resolved
        if self.experiment.translator is None or language in task.splits.get(
            resolved.split_slice(task, role).split, ()
        ):
            return self.prepare_stage(task, role, language)
        source = task.train_language
        return self._translated(
            task,
            self.prepare_stage(task, role, source),
            Direction(source, language),
            f"{resolved.split_slice(task, role).name} {language}",
            resolved.expected_rows(task, role, source),
        )

    def translated_test(self, task: TaskSpec, language: str, into: str) -> str:
        """Key of a target's evaluation set in another language, by machine translation.

        Every row is kept: texts that the translator has no translation for stay as they are.
        """
        sample = self.eval_set(task, language)
        return self._translated(
            task,
            sample.rows,
            Direction(language, into),
            f"{self.experiment.eval_split} {language} into {into}",
            sample.count,
            untranslated="keep",
        )

    def _translated(
        self,
        task: TaskSpec,
        rows: str,
        direction: Direction,
        label: str,
        count: int,
        **options: str,
    ) -> str:
        """Add the translation of a task's rows; return its key.

        Args:
            count: expected number of rows.
            options: further parameters of the stage.
        """
        choice, folder = self.experiment.translator, self.resolved.loaded.folder
        assert choice is not None
        params = {
            "translator": key_params(choice, direction.source, direction.target, folder, task.name),
            "source": direction.source,
            "target": direction.target,
            "format": task.format,
            **options,
        }
        context = {
            "translator": choice.model_dump(mode="json"),
            "folder": str(folder),
            "task": task.name,
        }
        label = f"translate {task.name} {label}"
        cost = translate_cost(count)
        return self.add("translate", params, {"rows": rows}, label, cost, context=context)

    def eval_set(self, task: TaskSpec, language: str) -> EvalSet:
        """Evaluation set of a target in one language."""
        place, part = (task.name, language), self.experiment.eval_split
        if place not in self.samples:
            self.samples[place] = EvalSet(
                language,
                self.prepare_stage(task, part, language),
                self.resolved.expected_rows(task, part, language),
                scoring(task, language),
            )
        return self.samples[place]


def scoring(task: TaskSpec, language: str) -> dict[str, Any]:
    """Parameters of a score stage."""
    versions = {name: METRICS.get(name).version for name in task.metrics}
    known = language_of(language, task.metrics)
    return {"format": task.format, "metrics": versions, **known}


def language_of(language: str, metrics: tuple[str, ...]) -> dict[str, str]:
    """The language as a parameter if a metric depends on it; else empty."""
    needed = any(METRICS.get(name).by_language for name in metrics)
    return {"language": language} if needed else {}
