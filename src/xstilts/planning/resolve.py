"""Resolve the names of an experiment: tasks, languages, split slices, recipes, limits."""

from __future__ import annotations

import logging
import shlex
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path

from xstilts.config.encoder_choice import ENCODERS
from xstilts.config.experiment import EncoderConfig, Experiment
from xstilts.config.intermediate import (
    NO_INTERMEDIATE,
    IntermediateSetting,
    TaskRef,
    parse_setting,
    parse_task_chain,
)
from xstilts.config.load import LoadedExperiment
from xstilts.config.recipe import Recipe
from xstilts.config.split_slices import SplitSlice, parse_split_slice
from xstilts.core.errors import ConfigError, UnknownNameError
from xstilts.core.warn_once import warn_once
from xstilts.models.encoder_config import POOLINGS
from xstilts.models.encoder_source import EncoderSource, find_source
from xstilts.tasks import TASKS
from xstilts.tasks.base import TaskSpec
from xstilts.tasks.benchmarks import languages_in
from xstilts.tasks.io.sources import located
from xstilts.tasks.shuffled_labels import find_task, original_name
from xstilts.tasks.tasksource.names import is_tasksource
from xstilts.tasks.user_tasks import file_task

logger = logging.getLogger(__name__)

DEFAULT_ROWS = 1000
"""Assumed number of rows of a split if neither the task nor a limit defines it."""
HELD_OUT = {"train": "train[:95%]", "dev": "train[95%:]"}
"""Slices of train where there is no dev split: of formats without gold answers, whose data seldom
have one, and of tasks of tasksource."""


@dataclass(frozen=True)
class ResolvedExperiment:
    """An experiment with its names resolved."""

    loaded: LoadedExperiment
    known: dict[str, TaskSpec] = field(default_factory=dict, repr=False, compare=False)
    """Cache of resolved tasks."""
    recipes: dict[str, Recipe] = field(default_factory=dict, repr=False, compare=False)
    """Cache of the targets' recipes."""

    @property
    def experiment(self) -> Experiment:
        """The experiment as written."""
        return self.loaded.experiment

    @cached_property
    def source(self) -> EncoderSource:
        """Source of the encoder."""
        choice = self.encoder
        return find_source(choice.name, choice.revision, self.loaded.folder)

    @property
    def encoder(self) -> EncoderConfig:
        """The encoder as written.

        Raises:
            ConfigError: the experiment has several; see `planning.encoder_experiments`.
        """
        first, *others = self.experiment.all_encoders
        if others:
            raise ConfigError(
                f"one encoder is needed here, and the experiment has {len(others) + 1}",
                where=ENCODERS,
                todo=f"choose one: --encoder {shlex.quote(first.label or first.name)}",
            )
        return first

    @property
    def encoder_name(self) -> str:
        """Name of the encoder in results."""
        return self.encoder.shown_name(self.source.name)

    @property
    def adaptation(self) -> IntermediateSetting:
        """What the encoder is trained on before everything else; the baseline if nothing."""
        return parse_setting(self.encoder.adapted_by or NO_INTERMEDIATE)

    @cached_property
    def pooling(self) -> str:
        """Pooling of sentence heads."""
        chosen, own = self.encoder.pooling, self.source.defaults.pooling
        return self._supported(own, "encoder.pooling") if chosen == "auto" else chosen

    @cached_property
    def data(self) -> Path | None:
        """The folder of the user's data."""
        return self.loaded.data

    def task(self, name: str, where: str = "targets") -> TaskSpec:
        """Look up a task and connect it to the user's files.

        Raises:
            UnknownNameError: it is defined neither in the experiment nor by a package.
        """
        if name not in self.known:
            self.known[name] = find_task(name, partial(self._look_up, where=where))
        return self.known[name]

    def _look_up(self, name: str, where: str) -> TaskSpec:
        own = self.experiment.tasks
        if name in own:
            task = file_task(name, own[name], self.loaded.folder, self.data)
            if task.labels != own[name].labels:
                labels = ", ".join(task.labels)
                warn_once(logger, "tasks.%s: its tags are converted to BIO: %s", name, labels)
            return task
        if name not in TASKS:
            raise UnknownNameError("task", name, [*TASKS, *own], where=where)
        return located(TASKS.get(name, where=where), self.data, self.experiment.revisions)

    def train_ref(self, target: TaskSpec) -> TaskRef:
        """Training data of a target: set in the experiment, else by its benchmark, else its own.

        A retrieval target that is not trained has the name of the target itself.
        """
        return self.train_refs(target)[-1]

    def train_refs(self, target: TaskSpec) -> tuple[TaskRef, ...]:
        """Tasks that a target is trained on, one after the other; the last is `train_ref`'s."""
        chosen = self.experiment.train_task.get(target.name)
        if chosen == NO_INTERMEDIATE:
            return (TaskRef(target.name),)
        return parse_task_chain(chosen) if chosen else (TaskRef(target.train_task or target.name),)

    def is_trained(self, target: TaskSpec) -> bool:
        """Whether phase 3 trains for a target: always, unless it is a retrieval target.

        These are trained only if the benchmark or the experiment names a task to train on.
        """
        return not target.format_spec.search or self.train_ref(target).task != target.name

    def split_slice(self, task: TaskSpec, part: str) -> SplitSlice:
        """The slice of a task that is used as train, dev or test."""
        usual = part
        holds_out = task.format_spec.gold is None or is_tasksource(task.name)
        if holds_out and "dev" not in task.splits:
            usual = HELD_OUT.get(part, part)
        splits = self.experiment.splits
        chosen = (splits.get(task.name) or splits.get(task.shuffled_from, {})).items()
        return parse_split_slice(next((text for name, text in chosen if name == part), usual))

    def languages(self, task: TaskSpec) -> tuple[str, ...]:
        """Requested languages that the target has, the training language first."""
        wanted = self.experiment.task_languages.get(task.name, self.experiment.languages)
        have = task.languages_of(self.split_slice(task, self.experiment.eval_split).split)
        if isinstance(wanted, str):
            wanted = languages_in(wanted, task.name) or have
        return tuple(code for code in have if code in wanted)

    def limit(self, task: str, part: str) -> int | None:
        """Maximum number of train, dev or test examples; limits of single tasks have priority.

        Other splits have none.
        """
        limits = self.experiment.task_limits
        own = limits.get(task) or limits.get(original_name(task))
        found = getattr(own, part, None) or getattr(self.experiment.limits, part, None)
        return None if found == "all" else found

    def rows_limit(self, task: TaskSpec, part: str, language: str) -> int | None:
        """Maximum number of rows in a language; the pool that queries are searched in has none."""
        return None if language in task.pool_parts else self.limit(task.name, part)

    def expected_rows(self, task: TaskSpec, part: str, language: str) -> int:
        """Expected number of rows."""
        share = self.split_slice(task, part)
        size = expected_size(task, share.split, language)
        size = max(1, size * (share.high - share.low) // 100)
        return min(size, self.rows_limit(task, part, language) or size)

    @property
    def adaptation_recipe(self) -> Recipe:
        """Recipe of the training that adapts the encoder."""
        recipes = self.experiment.recipes
        return recipes.adaptation or recipes.intermediate

    def recipe(self, target: str | None) -> Recipe:
        """Recipe of a target, or of intermediate training (None)."""
        if target is None:
            return self.experiment.recipes.intermediate
        if target not in self.recipes:
            own = self.experiment.recipes.tasks.get(target)
            changes = own.model_dump(exclude_unset=True) if own else {}
            common = self.experiment.recipes.target.model_dump()
            self.recipes[target] = Recipe.model_validate(common | changes)
        return self.recipes[target]

    def layers(self) -> tuple[int, ...]:
        """Layers of sentence vectors."""
        defaults, chosen = self.source.defaults, self.experiment.retrieval.layer
        if chosen == "auto":
            return (defaults.retrieval_layer,)
        if chosen == "last":
            return (defaults.layers,)
        if chosen == "all":
            return tuple(range(defaults.layers + 1))
        return chosen if isinstance(chosen, tuple) else (chosen,)

    def poolings(self) -> tuple[str, ...]:
        """Poolings of sentence vectors."""
        settings = self.experiment.retrieval
        if settings.own_pooling:
            own = self.source.defaults.retrieval_pooling
            return (self._supported(own, "retrieval.pooling"),)
        return settings.pooling if isinstance(settings.pooling, tuple) else (settings.pooling,)

    def prompt(self) -> str:
        """Text before every sentence of the retrieval targets."""
        chosen = self.experiment.retrieval.prompt
        return self.source.defaults.prompt if chosen is None else chosen

    def _supported(self, pooling: str, where: str) -> str:
        """The encoder's own pooling.

        Raises:
            ConfigError: it is not supported.
        """
        if pooling not in POOLINGS:
            raise ConfigError(
                f"the encoder {self.source.name} has the pooling {pooling} "
                "(1_Pooling/config.json), which is not supported",
                where=where,
                todo=f"choose one of {', '.join(POOLINGS)}: its vectors then differ from published "
                "ones",
            )
        return pooling


def expected_size(task: TaskSpec, split: str, language: str) -> int:
    """The number of rows of a split in a language, as known, estimated or assumed."""
    known = task.known_size(split, language)
    return DEFAULT_ROWS if known is None else known
