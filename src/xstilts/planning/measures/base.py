"""What a measure is: which stages hold it, and how it is read off their facts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from xstilts.config.intermediate import BASELINE, IntermediateSetting, TaskRef, parse_setting
from xstilts.core.stage import Cost
from xstilts.planning.compile import Compiler, format_params, languages_of
from xstilts.planning.graph import StageGraph
from xstilts.tasks.base import TaskSpec

TEXTS = 500
"""Texts of a task that an encoder looks at: its first rows, as many as have so many texts."""
WORDS = 2000
"""Words of a tagging task, where these are looked at one by one."""

Found = Sequence[Mapping[str, Any]]
"""The facts of a measure's stages."""


@dataclass(frozen=True)
class MeasureRef:
    """Where one measure of one thing is found.

    Args:
        measure: which one.
        task: the task or intermediate setting that it is about.
        other: the second task of a measure of pairs (a target, say); else empty.
        language, seed: that it was taken in; empty and -1 where it depends on none.
        keys: the stages that hold it, in the measure's own order.
        value: the measure itself, where it is known without any stage.
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
        name: for people.
        rows: role → key of the stage that prepares them.
        params: format, labels and reading, as stages take them.
        count: rows to expect.
        subwords: to expect in a text.
    """

    name: str
    rows: Mapping[str, str]
    params: Mapping[str, Any]
    count: int
    subwords: int


@dataclass(frozen=True)
class SingleTaskSetting:
    """An intermediate setting of one task."""

    setting: IntermediateSetting
    part: TaskRef
    task: TaskSpec

    @property
    def name(self) -> str:
        """The setting's name, as in the results."""
        return self.setting.name


@dataclass(frozen=True)
class MeasureContext:
    """What measures are taken of: the single tasks, targets and seeds of an experiment."""

    compiler: Compiler

    @property
    def graph(self) -> StageGraph:
        """Where stages are added."""
        return self.compiler.graph

    @property
    def seeds(self) -> tuple[int, ...]:
        """The experiment's seeds."""
        return self.compiler.experiment.seeds

    @cached_property
    def singles(self) -> tuple[SingleTaskSetting, ...]:
        """The intermediate settings of one task."""
        settings = map(parse_setting, self.compiler.experiment.intermediate)
        return tuple(
            SingleTaskSetting(setting, part, self.compiler.resolved.task(part.task))
            for setting in settings
            if len(setting.chain) == len(setting.parts) == 1
            for part in setting.parts
        )

    @property
    def trained(self) -> Iterator[tuple[SingleTaskSetting, int, str]]:
        """Single task, seed, and the stage that trains on it."""
        for single in self.singles:
            for seed in self.seeds:
                yield single, seed, self.compiler.intermediate(single.setting, seed)[-1]

    @property
    def targets(self) -> tuple[TaskSpec, ...]:
        """The targets, in the order of the experiment."""
        return tuple(map(self.compiler.resolved.task, self.compiler.experiment.targets))

    @property
    def pairs(self) -> Iterator[tuple[SingleTaskSetting, TaskSpec]]:
        """Every single task with every target, but for a task with itself."""
        for single in self.singles:
            for target in self.targets:
                own = self.compiler.resolved.train_ref(target).task
                if single.part != TaskRef(target.name) or own != target.name:
                    yield single, target

    def baseline(self, target: TaskSpec, seed: int) -> str:
        """The stage that trains a target straight from the pretrained encoder."""
        return self.compiler.target(IntermediateSetting(BASELINE, ()), target, seed)

    def texts(self, setting: SingleTaskSetting) -> TextSample:
        """The training examples of an intermediate task."""
        return self._training(setting.part, None)

    def texts_of(self, target: TaskSpec) -> TextSample:
        """The training examples of a target; the English sentences of a retrieval target."""
        resolved = self.compiler.resolved
        if target.format_spec.training:
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
        """What the English sides of a retrieval target's languages are called, each once."""
        languages = self.compiler.resolved.languages(target)
        sides = (
            target.pool_split.format(language=code)
            for code in languages
            if code != target.pool_split
        )
        return list(dict.fromkeys(sides))

    def _training(self, part: TaskRef, target: str | None) -> TextSample:
        resolved = self.compiler.resolved
        task = resolved.task(part.task)
        return TextSample(
            part.name,
            {f"rows:{code}": key for code, key in self.rows(part, "train").items()},
            {
                **format_params(task),
                "labels": list(task.labels),
                "reading": task.format_spec.tokenization_params(resolved.recipe(target)),
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
        """What stages must know that read a task's trained model."""
        texts, resolved = self.texts(setting), self.compiler.resolved
        return {**texts.params, "task": setting.task.name, "pooling": resolved.pooling}

    def add(
        self, kind: str, params: Mapping[str, Any], inputs: Mapping[str, str], what: str, cost: Cost
    ) -> str:
        """Add a stage and return its key; stages of one encoder run after each other."""
        affinity = inputs.get("model") or inputs.get("base") or inputs.get("encoder", "")
        return self.graph.add(kind, params, inputs, f"{kind} {what}", cost, affinity=affinity)


Build = Callable[[MeasureContext, str], Iterable[MeasureRef]]
"""(ground, the measure's name) → where it will be found, its stages added to the graph."""
Read = Callable[[Found], float]
"""From the facts of a measure's stages to its value."""


@dataclass(frozen=True)
class Measure:
    """One property of a task, or of a pair of an intermediate task and a target.

    Args:
        title: what it is, in words, with its unit.
        read: not asked for measures that are known without a stage.
    """

    title: str
    build: Build
    read: Read = lambda _: float("nan")
    pairs: bool = False
