"""`Measure`: the stages that compute a measure, and its value from the facts of these stages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from xstilts.config.exclude import is_excluded
from xstilts.config.intermediate import IntermediateSetting, TaskRef, parse_setting
from xstilts.core.stage import Cost
from xstilts.planning.compile import Compiler, languages_of
from xstilts.planning.graph import StageGraph
from xstilts.planning.relevant_fields import feature_recipe, key_pooling
from xstilts.planning.task_params import format_params
from xstilts.tasks.base import TaskSpec
from xstilts.tasks.shuffled_labels import is_control

TEXTS = 500
"""Texts of a task that are encoded: those of its first rows."""
WORDS = 2000
"""Words of a tagging task that are encoded, for measures of single words."""

StageFacts = Sequence[Mapping[str, Any]]
"""The facts of a measure's stages, in the order of `MeasureRef.keys`."""


@dataclass(frozen=True)
class MeasureRef:
    """The stages that compute one value of a measure.

    Args:
        measure: its name.
        task: the task or intermediate setting that is measured.
        other: the target, for a measure of pairs; else empty.
        language, seed: empty and -1 if the value depends on none.
        keys: the stages that compute it, in the order that the measure defines.
        value: the value, if no stage is needed.
    """

    measure: str
    task: str
    other: str = ""
    language: str = ""
    seed: int = -1
    keys: tuple[str, ...] = ()
    value: float | None = None


@dataclass(frozen=True)
class TextSample:
    """The training examples of a task as an encoder reads them.

    Args:
        name: for labels of stages.
        rows: role → key of the stage that prepares them.
        params: format, labels and tokenization, as parameters of stages.
        count: expected number of rows.
        subwords: expected number per text.
    """

    name: str
    rows: Mapping[str, str]
    params: Mapping[str, Any]
    count: int
    subwords: int


@dataclass(frozen=True)
class SingleTaskSetting:
    """An intermediate setting with a single task."""

    setting: IntermediateSetting
    part: TaskRef
    task: TaskSpec

    @property
    def name(self) -> str:
        """The setting's name, as in the results."""
        return self.setting.name


@dataclass(frozen=True)
class MeasureContext:
    """The single-task settings, targets and seeds that measures are computed for."""

    compiler: Compiler

    @property
    def graph(self) -> StageGraph:
        """The graph that measures add their stages to."""
        return self.compiler.graph

    @property
    def seeds(self) -> tuple[int, ...]:
        """The experiment's seeds."""
        return self.compiler.experiment.seeds

    @cached_property
    def singles(self) -> tuple[SingleTaskSetting, ...]:
        """The settings that add a single task to the baseline; without shuffled controls."""
        settings = map(parse_setting, self.compiler.experiment.intermediate)
        added = ((setting, setting.after(self._baseline)) for setting in settings)
        return tuple(
            SingleTaskSetting(setting, part, self.compiler.resolved.task(part.task))
            for setting, own in added
            if own and (part := own.single) and not is_control(part.task)
        )

    @property
    def _baseline(self) -> IntermediateSetting:
        return parse_setting(self.compiler.experiment.baseline)

    @property
    def trained(self) -> Iterator[tuple[SingleTaskSetting, int, str]]:
        """Single task, seed, and the stage that trains on it."""
        for single in self.singles:
            for seed in self.seeds:
                yield single, seed, self.compiler.intermediate(single.setting, seed)[-1]

    def start(self, seed: int) -> str | None:
        """The training that those of single tasks continue: the baseline's last, if it has one."""
        return next(reversed(self.compiler.intermediate(self._baseline, seed)), None)

    @property
    def targets(self) -> tuple[TaskSpec, ...]:
        """The targets, in the order of the experiment."""
        return tuple(map(self.compiler.resolved.task, self.compiler.experiment.targets))

    @property
    def pairs(self) -> Iterator[tuple[SingleTaskSetting, TaskSpec]]:
        """All pairs of a single-task setting and a target, except a task with itself.

        Without the pairs that the experiment excludes.
        """
        for single in self.singles:
            for target in self.targets:
                own = self.compiler.resolved.train_ref(target).task
                if is_excluded(self.compiler.experiment.exclude, single.name, target.name):
                    continue
                if single.part != TaskRef(target.name) or own != target.name:
                    yield single, target

    def baseline(self, target: TaskSpec, seed: int) -> str:
        """The stage that trains a target after the baseline."""
        return self.compiler.target(self._baseline, target, seed)

    def texts(self, setting: SingleTaskSetting) -> TextSample:
        """The training examples of an intermediate task."""
        return self._training(setting.part, None)

    def texts_of(self, target: TaskSpec) -> TextSample:
        """The training examples of a target; the English sentences if it is not trained."""
        resolved = self.compiler.resolved
        if resolved.is_trained(target):
            return self._training(resolved.train_ref(target), target.name)
        part, sides = resolved.experiment.eval_split, self._english(target)
        return TextSample(
            target.name,
            {f"rows:{side}": self.graph.prepare_stage(target, part, side) for side in sides},
            {
                "format": target.format,
                "labels": [],
                "reading": {"max_length": resolved.experiment.retrieval.max_length},
            },
            sum(resolved.expected_rows(target, part, side) for side in sides),
            target.subwords,
        )

    def _english(self, target: TaskSpec) -> Sequence[str]:
        """The names of the English sides of a retrieval target's languages, without duplicates.

        Of a target with one pool, the English queries, or those of its first language.
        """
        languages = self.compiler.resolved.languages(target)
        if target.pool_parts:
            return languages[:1]
        sides = (
            target.pool_split.format(language=code)
            for code in languages
            if code != target.pool_split
        )
        return list(dict.fromkeys(sides))

    def _training(self, part: TaskRef, target: str | None) -> TextSample:
        resolved = self.compiler.resolved
        task, recipe = resolved.task(part.task), feature_recipe(resolved.recipe(target))
        return TextSample(
            part.name,
            {f"rows:{code}": key for code, key in self.rows(part, "train").items()},
            {
                **format_params(task),
                "labels": list(task.labels),
                "reading": task.format_spec.tokenization_params(recipe),
            },
            self.compiler.expected_rows(task, part, "train"),
            task.subwords,
        )

    def rows(self, part: TaskRef, role: str) -> dict[str, str]:
        """Language → the stage that prepares a task's examples for training or dev."""
        task = self.compiler.resolved.task(part.task)
        return {
            code: self.graph.training_rows(task, role, code) for code in languages_of(part, task)
        }

    def head(self, setting: SingleTaskSetting) -> dict[str, Any]:
        """Parameters of stages that load the trained model of a task."""
        texts, resolved = self.texts(setting), self.compiler.resolved
        pooling = key_pooling(resolved, [setting.task.format_spec])
        return {**texts.params, "task": setting.task.name, "pooling": pooling}

    def add(
        self, kind: str, params: Mapping[str, Any], inputs: Mapping[str, str], what: str, cost: Cost
    ) -> str:
        """Add a stage and return its key; stages of one encoder run after each other."""
        affinity = inputs.get("model") or inputs.get("base") or inputs.get("encoder", "")
        return self.graph.add(kind, params, inputs, f"{kind} {what}", cost, affinity=affinity)


Build = Callable[[MeasureContext, str], Iterable[MeasureRef]]
"""(context, name of the measure) → references to its values; adds its stages to the graph."""
Read = Callable[[StageFacts], float]
"""Facts of a measure's stages → its value."""


@dataclass(frozen=True)
class Measure:
    """One property of a task, or of a pair of an intermediate task and a target.

    Args:
        title: description, with the unit.
        read: not called for measures that need no stage.
        pairs: whether it is a property of an intermediate task and a target.
    """

    title: str
    build: Build
    read: Read = lambda _: float("nan")
    pairs: bool = False
