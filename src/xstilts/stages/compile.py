"""From an experiment to its plan: the three phases as stages, shared wherever they agree."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from xstilts.config.experiment import Experiment, Limits, Recipe
from xstilts.config.load import Loaded
from xstilts.config.setting import BASELINE, Setting, parse_setting
from xstilts.core.errors import ConfigError, UnknownName
from xstilts.core.plan import Plan
from xstilts.core.stage import Cost, Stage
from xstilts.formats import EMBEDDED
from xstilts.metrics import METRICS
from xstilts.models.source import Source, find_source
from xstilts.stages import VERSIONS
from xstilts.stages.check import ENGLISH, check
from xstilts.stages.cost import (
    encoder_cost,
    forward_cost,
    prepare_cost,
    score_cost,
    train_cost,
)
from xstilts.tasks import TASKS
from xstilts.tasks.base import TaskSpec
from xstilts.tasks.files import file_task

GUESS = 1000
"""Rows of a split, for the estimate, where neither the task nor a limit says."""


@dataclass(frozen=True)
class Cell:
    """One place in the results: which score stage fills it, and which trainings lead to it."""

    encoder: str
    intermediate: str
    target: str
    language: str
    split: str
    seed: int
    metrics: tuple[str, ...]
    key: str
    trained_by: tuple[str, ...]
    same_data: bool


@dataclass(frozen=True)
class Compiled:
    """A plan and the cells that its score stages fill."""

    plan: Plan
    cells: tuple[Cell, ...]


def compile_experiment(loaded: Loaded) -> Compiled:
    """The plan of an experiment, made without torch, weights or data.

    Raises:
        ConfigError: names that do not exist or do not fit together.
    """
    return _Compiler(loaded).compile()


@dataclass
class _Compiler:
    loaded: Loaded
    stages: dict[str, Stage] = field(default_factory=dict)
    cells: list[Cell] = field(default_factory=list)

    @property
    def experiment(self) -> Experiment:
        return self.loaded.experiment

    def compile(self) -> Compiled:
        settings = [parse_setting(text) for text in self.experiment.intermediate]
        check(self.experiment, settings, self.task)
        for target in self.experiment.targets:
            for setting in settings:
                if setting.chain == ((target,),):
                    continue  # a task after itself is just more epochs of it
                for seed in self.experiment.seeds:
                    self._cells_of(setting, self.task(target), seed)
        if not self.cells:
            raise ConfigError(
                "nothing is left to run: every target is its own and only intermediate task, or "
                "a retrieval target with no language but English",
                where="targets",
                todo=f"add {BASELINE} or another task to `intermediate`, or more languages",
            )
        return Compiled(Plan.of(self.stages.values()), tuple(self.cells))

    # what the experiment names

    @cached_property
    def source(self) -> Source:
        choice = self.experiment.encoder
        return find_source(choice.name, choice.revision, self.loaded.folder)

    @cached_property
    def pooling(self) -> str:
        chosen = self.experiment.encoder.pooling
        return self.source.habits.pooling if chosen == "auto" else chosen

    def task(self, name: str, where: str = "targets") -> TaskSpec:
        own = self.experiment.tasks
        if name in own:
            return file_task(name, own[name], self.loaded.folder)
        if name not in TASKS:
            raise UnknownName("task", name, [*TASKS, *own], where=where)
        found = TASKS.get(name)
        return found.at(self.data) if found.at and self.data else found

    @cached_property
    def data(self) -> Path | None:
        """The folder of the user's data."""
        given = self.experiment.data
        return (self.loaded.folder / Path(given).expanduser()).resolve() if given else None

    def languages(self, task: TaskSpec) -> tuple[str, ...]:
        """The languages to evaluate in among those asked for, English first."""
        wanted, have = self.experiment.languages, task.languages_of(self.experiment.evaluate)
        return have if wanted == "all" else tuple(code for code in have if code in wanted)

    def limit(self, task: str, split: str) -> int | None:
        """How many examples of a split to take; a task's own limit wins."""
        own = self.experiment.task_limits.get(task, Limits())
        value = getattr(own, split)
        found: int | None = getattr(self.experiment.limits, split) if value is None else value
        return found

    def recipe(self, target: str | None) -> Recipe:
        """The recipe of a phase; a target task's own values replace the common ones."""
        if target is None:
            return self.experiment.recipes.intermediate
        own = self.experiment.recipes.tasks.get(target)
        changes = own.model_dump(exclude_unset=True) if own else {}
        return Recipe.model_validate(self.experiment.recipes.target.model_dump() | changes)

    # stages

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
        stage = Stage(kind, VERSIONS[kind], params, inputs, label, cost, **rest)
        return self.stages.setdefault(stage.key, stage).key

    @cached_property
    def encoder(self) -> str:
        folder = self.source.folder
        return self.add(
            "encoder",
            {"source": self.source.params},
            {},
            f"encoder {self.source.name}",
            encoder_cost(self.source.habits),
            context={"folder": str(folder)} if folder else {},
        )

    def rows(self, task: TaskSpec, split: str, language: str) -> str:
        limit = self.limit(task.name, split)
        params = {
            "task": task.name,
            "version": task.version,
            "split": split,
            "language": language,
            "limit": limit,
            "data": task.fingerprint(split, language),
        }
        context: dict[str, Any] = {"data": str(self.data)} if task.at else {}
        if own := self.experiment.tasks.get(task.name):
            context = {
                "folder": str(self.loaded.folder),
                "file_task": own.model_dump(mode="json"),
            }
        return self.add(
            "prepare",
            params,
            {},
            f"prepare {task.name} {split} {language}",
            prepare_cost(self.count(task, split, language)),
            affinity=f"prepare {language}",
            context=context,
        )

    def count(self, task: TaskSpec, split: str, language: str) -> int:
        """Rows to expect."""
        size = task.sizes.get((split, language), GUESS)
        return min(size, self.limit(task.name, split) or size)

    def train(
        self, tasks: list[TaskSpec], base: str | None, recipe: Recipe, seed: int, label: str
    ) -> str:
        inputs = {"encoder": self.encoder}
        if base:
            inputs["base"] = base
        for task in tasks:
            for split in ("train", "dev"):
                inputs[f"{split}:{task.name}"] = self.rows(task, split, task.train_language)
        params = {
            "tasks": {
                task.name: {
                    "format": task.format,
                    "labels": list(task.labels),
                    "metric": task.metrics[0],
                    "metric_version": METRICS.get(task.metrics[0]).version,
                }
                for task in tasks
            },
            "recipe": recipe.model_dump(exclude={"checkpoint_minutes"}),
            "pooling": self.pooling,
            "seed": seed,
        }
        context = {"checkpoint_minutes": recipe.checkpoint_minutes}
        cost = self._train_cost(tasks, recipe)
        return self.add("train", params, inputs, label, cost, context=context)

    def _train_cost(self, tasks: list[TaskSpec], recipe: Recipe) -> Cost:
        sizes = [self.count(task, "train", task.train_language) for task in tasks]
        examples = recipe.epochs * sum(min(size, recipe.cap or size) for size in sizes)
        looked = sum(self.count(task, "dev", task.train_language) for task in tasks)
        examples += recipe.evaluations * looked / 3
        return train_cost(self.source.habits, examples, math.ceil(examples / recipe.batch_size))

    def intermediate(self, setting: Setting, seed: int) -> tuple[str, ...]:
        """Keys of the setting's training stages, in order; none for the baseline."""
        keys: list[str] = []
        for depth, mixture in enumerate(setting.chain, start=1):
            name = " > ".join("+".join(part) for part in setting.chain[:depth])
            tasks = [self.task(task) for task in mixture]
            base = keys[-1] if keys else None
            recipe = self.recipe(None)
            keys.append(self.train(tasks, base, recipe, seed, f"train {name} seed {seed}"))
        return tuple(keys)

    # results

    def _cells_of(self, setting: Setting, task: TaskSpec, seed: int) -> None:
        trained = self.intermediate(setting, seed)
        if task.format in EMBEDDED:
            scored = self._retrieval(setting, task, trained, seed)
        else:
            base = trained[-1] if trained else None
            label = f"train {_after(task.name, setting)} seed {seed}"
            recipe = self.recipe(task.name)
            trained = (*trained, self.train([task], base, recipe, seed, label))
            scored = self._predictions(setting, task, trained[-1], seed)
        for language, key in scored:
            self.cells.append(
                Cell(
                    encoder=self.source.name,
                    intermediate=setting.name,
                    target=task.name,
                    language=language,
                    split=self.experiment.evaluate,
                    seed=seed,
                    metrics=task.metrics,
                    key=key,
                    trained_by=trained,
                    same_data=task.name in setting.tasks,
                )
            )

    def _score_params(self, task: TaskSpec) -> dict[str, Any]:
        versions = {name: METRICS.get(name).version for name in task.metrics}
        return {"format": task.format, "metrics": versions}

    def _predictions(
        self, setting: Setting, task: TaskSpec, model: str, seed: int
    ) -> Iterator[tuple[str, str]]:
        what = _after(task.name, setting)
        params = {
            "task": task.name,
            "format": task.format,
            "labels": list(task.labels),
            "pooling": self.pooling,
            "max_length": self.recipe(task.name).max_length,
        }
        split = self.experiment.evaluate
        for language in self.languages(task):
            rows, count = self.rows(task, split, language), self.count(task, split, language)
            predictions = self.add(
                "predict",
                params,
                {"encoder": self.encoder, "model": model, "rows": rows},
                f"predict {what} {language} seed {seed}",
                forward_cost(self.source.habits, count, 20),
                affinity=model,
            )
            yield (
                language,
                self.add(
                    "score",
                    self._score_params(task),
                    {"rows": rows, "predictions": predictions},
                    f"score {what} {language} seed {seed}",
                    score_cost(count),
                ),
            )

    def _retrieval(
        self, setting: Setting, task: TaskSpec, trained: tuple[str, ...], seed: int
    ) -> Iterator[tuple[str, str]]:
        what = _after(task.name, setting)
        which = f" seed {seed}" if trained else ""
        english = self._vectors(task, ENGLISH, trained, f"{what} {ENGLISH}{which}")
        for language in self.languages(task):
            if language == ENGLISH:
                continue
            here = self._vectors(task, language, trained, f"{what} {language}{which}")
            yield (
                language,
                self.add(
                    "score",
                    self._score_params(task),
                    {
                        "rows:here": here[0],
                        "vectors:here": here[1],
                        "rows:english": english[0],
                        "vectors:english": english[1],
                    },
                    f"score {what} {language}{which}",
                    score_cost(2 * self.count(task, self.experiment.evaluate, language)),
                ),
            )

    def _vectors(
        self, task: TaskSpec, language: str, trained: tuple[str, ...], what: str
    ) -> tuple[str, str]:
        habits, chosen = self.source.habits, self.experiment.retrieval
        split = self.experiment.evaluate
        rows, count = self.rows(task, split, language), self.count(task, split, language)
        inputs = {"encoder": self.encoder, "rows": rows}
        if trained:
            inputs["base"] = trained[-1]
        params = {
            "format": task.format,
            "layer": habits.retrieval_layer if chosen.layer == "auto" else chosen.layer,
            "pooling": chosen.pooling,
            "max_length": self.experiment.recipes.target.max_length,
        }
        cost = forward_cost(habits, count, 4 * habits.width)
        affinity = trained[-1] if trained else self.encoder
        return rows, self.add("embed", params, inputs, f"embed {what}", cost, affinity=affinity)


def _after(target: str, setting: Setting) -> str:
    return f"{target} after {setting.name}" if setting.chain else f"{target} (baseline)"
